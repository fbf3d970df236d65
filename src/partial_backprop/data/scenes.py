"""A seeded generator of small coloured scenes; they play CIFAR-10 where no file is wanted.

A scene of 32×32 pixels shows one large shape, whose kind is the class, on an uneven background,
among smaller shapes of any kind, of which one lies on top and may hide a part of it. Place, size,
rotation (up to a tenth of a turn either way) and all colours are drawn independently of the class,
so neither colour nor any single pixel tells it.

With 3,500 training and 2,000 test scenes, multinomial logistic regression gets 13.5 % of the test
scenes right from their pixels and 13.6 % from their colours, and a network of four convolutions
70.0 % after ten epochs (mean of three seeds: 74.2, 67.5, 68.3), as
``benchmarks/scenes_difficulty.py`` measures it.
"""

from pathlib import Path

import numpy as np

from partial_backprop.data.dataset import Dataset
from partial_backprop.data.examples import Examples, check_least
from partial_backprop.data.shapes import KINDS, blend, coverage, paint, to_bytes

SIDE = 32
"""Height and width of a scene, pixels."""

MEAN, STD = (0.5058, 0.5032, 0.5030), (0.2929, 0.2928, 0.2914)
"""Over all pixels of the 10,000 default training scenes (a test computes them)."""

_CHUNK = 500  # scenes that share a random stream: n scenes are always the first n of any more


def _add_small(pictures: np.ndarray, centre: np.ndarray, rng: np.random.Generator) -> None:
    n = len(pictures)
    kind = (len(KINDS) * rng.random(n)).astype(np.int64)
    radius = 2 + 2 * rng.random(n)
    paint(pictures, coverage(kind, centre, radius, rng.random(n), SIDE), 256 * rng.random((n, 3)))


def _draw(
    labels: np.ndarray, rng: np.random.Generator, clutter: int, noise: float, lighter: bool
) -> np.ndarray:
    n = len(labels)
    levels = 128 if lighter else 256  # of the background's tint and of the shape's distance from it
    tint = levels * rng.random((n, 3, 1, 1))
    pictures = blend(tint + 128 * (rng.random((n, 3, 4, 4)) - 0.5), SIDE)
    for _ in range(clutter):
        _add_small(pictures, SIDE * rng.random((n, 2)), rng)
    radius = 7 + 4 * rng.random(n)
    centre = SIDE / 2 + 8 * (rng.random((n, 2)) - 0.5)
    turn = 0.2 * (rng.random(n) - 0.5)
    # In every channel at least 64 levels from the tint, around the circle of 256.
    colour = (tint[:, :, 0, 0] + 64 + levels / 2 * rng.random((n, 3))) % 256
    paint(pictures, coverage(labels, centre, radius, turn, SIDE), colour)
    _add_small(pictures, centre + 2 * radius[:, None] * (rng.random((n, 2)) - 0.5), rng)
    # The sum of four uniform bytes is nearly normal (standard deviation 147.8) and is exact.
    grain = rng.integers(0, 256, (4, *pictures.shape), dtype=np.uint8).sum(axis=0, dtype=np.int16)
    pictures += (grain - np.int16(510)).astype(np.float32) * np.float32(noise / 147.8)
    return to_bytes(pictures)


def generate(
    n: int, seed: int, part: int, clutter: int, noise: float, lighter: bool = False
) -> Examples:
    """Draw scenes."""
    chunks = []
    for start in range(0, n, _CHUNK):
        labels = np.arange(start, start + _CHUNK) % len(KINDS)
        rng = np.random.default_rng([seed, part, start // _CHUNK])
        chunks.append(_draw(labels, rng, clutter, noise, lighter)[: n - start])
    return Examples(np.concatenate(chunks), np.arange(n) % len(KINDS))


def load(
    root: Path,
    *,
    # n_train, n_test: how many training and test scenes
    n_train: int = 10_000,
    n_test: int = 2_000,
    # Seed of the generator, 0 or more; it is part of the data, not the seed of a run
    seed: int = 0,
    # Small shapes behind the large one, 0 or more; more are harder
    clutter: int = 4,
    # Standard deviation of the noise on every value, levels of 255, 0 or more; more is harder
    noise: float = 20.0,
    # Whether the large shape is lighter than its background in every channel, which is easier;
    # otherwise it is lighter in some and darker in others
    lighter: bool = False,
) -> Dataset:
    """Generate the scenes."""
    least = {"n_train": (n_train, 1), "n_test": (n_test, 1), "seed": (seed, 0)}
    least |= {"clutter": (clutter, 0), "noise": (noise, 0)}
    check_least("scenes", least)
    return Dataset(
        name="scenes",
        train=generate(n_train, seed, 0, clutter, noise, lighter),
        test=generate(n_test, seed, 1, clutter, noise, lighter),
        classes=KINDS,
        mean=MEAN,
        std=STD,
    )
