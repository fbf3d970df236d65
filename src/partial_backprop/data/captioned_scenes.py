"""A seeded generator of scenes with several objects and five captions each.

They play Flickr8k where no file is wanted. A scene of 64×64 pixels has four fields; each is empty
or holds one object of a group. Either all objects are of one group of one to four, or two groups of
one or two objects share the picture, above and below or left and right. Objects of a group have
kind, colour and size in common; their place in the field, rotation and exact colour are drawn for
each. The captions (`scene_words`) tell number, size, colour, shape, place and relation.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from partial_backprop.data import shapes
from partial_backprop.data.captioned import CaptionedDataset, CaptionedImages
from partial_backprop.data.examples import check_least
from partial_backprop.data.scene_words import COLOURS, KINDS, SIZES, Draw, Group, captions
from partial_backprop.data.scenes import MEAN, STD

T = TypeVar("T")

SIDE = 64
"""Height and width of a scene, pixels."""

PALETTE = {
    "red": (215, 45, 45),
    "green": (40, 170, 70),
    "blue": (50, 80, 215),
    "yellow": (235, 215, 60),
    "purple": (150, 60, 180),
    "white": (240, 240, 240),
}
"""Colour -> its values from 0 to 255, of which an object's own differ by up to 15."""

RADII = {"small": (6.0, 7.5), "large": (10.5, 12.5)}
"""Size -> smallest and largest radius, pixels."""

_FIELD = SIDE // 2
_CORNERS_OF_FIELDS = ((0, 0), (_FIELD, 0), (0, _FIELD), (_FIELD, _FIELD))  # column and row
_CORNERS = ("in the top left", "in the top right", "in the bottom left", "in the bottom right")
_PAIRS = (
    ((0, 1), "at the top"),
    ((2, 3), "at the bottom"),
    ((0, 2), "on the left"),
    ((1, 3), "on the right"),
)
_HALVES = {"above": ((0, 1), (2, 3)), "left": ((0, 2), (1, 3))}  # relation -> fields of each group
_CHUNK = 100  # scenes that share a random stream: n scenes are always the first n of any more
_N_DRAWS = 64  # numbers kept for each scene; none takes more than 50

Shown = dict[int, Group]
"""Number of a field -> the group whose object it holds."""


def _pick(items: Sequence[T], draw: Draw) -> T:
    return items[int(len(items) * next(draw))]


def _group(number: int, place: str, kinds: Sequence[str], draw: Draw) -> Group:
    return Group(number, _pick(SIZES, draw), _pick(COLOURS, draw), _pick(kinds, draw), place)


def _one_group(draw: Draw) -> tuple[tuple[Group, ...], Shown]:
    number = _pick((1, 2, 3, 4), draw)
    if number == 1:
        field = _pick(range(4), draw)
        fields, place = [field], _CORNERS[field]
    elif number == 2:
        fields, place = _pick(_PAIRS, draw)
    else:
        empty = _pick(range(4), draw) if number == 3 else None
        fields, place = [field for field in range(4) if field != empty], ""
    group = _group(number, place, KINDS, draw)
    return (group,), dict.fromkeys(fields, group)


def _two_groups(relation: str, draw: Draw) -> tuple[tuple[Group, ...], Shown]:
    groups: list[Group] = []
    shown: Shown = {}
    for half in _HALVES[relation]:
        number = _pick((1, 2), draw)
        kinds = [kind for kind in KINDS if not groups or kind != groups[0].kind]
        groups.append(_group(number, "", kinds, draw))
        shown |= dict.fromkeys(half if number == 2 else [_pick(half, draw)], groups[-1])
    return tuple(groups), shown


class _Slots:
    """What the four fields of n scenes hold, as `shapes` wants it."""

    def __init__(self, n: int) -> None:
        # Centres are counted from the corner of the field.
        self.kind = np.zeros((n, 4), dtype=np.int64)
        self.centre = np.zeros((n, 4, 2))
        self.radius = np.ones((n, 4))
        self.turn = np.zeros((n, 4))
        self.colour = np.zeros((n, 4, 3))
        self.filled = np.zeros((n, 4), dtype=np.float32)

    def fill(self, scene: int, field: int, group: Group, draw: Draw) -> None:
        """Put an object of a group into a field."""
        at = scene, field
        least, most = RADII[group.size]
        radius = least + (most - least) * next(draw)
        room = _FIELD / 2 - 1.21 * radius  # no shape reaches further
        self.kind[at] = shapes.KINDS.index(group.kind)
        self.centre[at] = [_FIELD / 2 + room * (2 * next(draw) - 1) for _ in range(2)]
        self.radius[at] = radius
        self.turn[at] = 0.1 * (next(draw) - 0.5)
        self.colour[at] = [value + 30 * (next(draw) - 0.5) for value in PALETTE[group.colour]]
        self.filled[at] = 1


def _paint(slots: _Slots, rng: np.random.Generator, noise: float) -> np.ndarray:
    n = len(slots.kind)
    pictures = shapes.blend(20 + 50 * rng.random((n, 3, 3, 3)), SIDE)
    for number, (right, down) in enumerate(_CORNERS_OF_FIELDS):
        field = pictures[:, :, down : down + _FIELD, right : right + _FIELD]
        covered = shapes.coverage(
            slots.kind[:, number],
            slots.centre[:, number],
            slots.radius[:, number],
            slots.turn[:, number],
            _FIELD,
        )
        covered *= slots.filled[:, number, None, None]
        shapes.paint(field, covered, slots.colour[:, number])
    # The sum of two uniform bytes has the standard deviation 104.5, and is exact.
    grain = rng.integers(0, 256, (2, *pictures.shape), dtype=np.uint8).sum(axis=0, dtype=np.int16)
    pictures += (grain - np.int16(255)).astype(np.float32) * np.float32(noise / 104.5)
    return shapes.to_bytes(pictures)


def generate(n: int, seed: int, part: int, noise: float) -> CaptionedImages:
    """Draw scenes and describe them."""
    pictures, sentences = [], []
    for start in range(0, n, _CHUNK):
        rng = np.random.default_rng([seed, part, start // _CHUNK])
        slots = _Slots(_CHUNK)
        for scene, draws in enumerate(rng.random((_CHUNK, _N_DRAWS)).tolist()):
            draw = iter(draws)
            relation = _pick(tuple(_HALVES), draw)
            groups, shown = _one_group(draw) if next(draw) < 0.4 else _two_groups(relation, draw)
            for field, group in shown.items():
                slots.fill(scene, field, group, draw)
            sentences.append(captions(groups, relation, draw))
        pictures.append(_paint(slots, rng, noise))
    return CaptionedImages(np.concatenate(pictures)[:n], tuple(sentences[:n]))


def load(
    root: Path,
    *,
    # How many training scenes, 1 or more
    n_train: int = 2_000,
    # How many validation scenes, 1 or more; None draws 300
    n_validation: int | None = None,
    # How many test scenes, 1 or more
    n_test: int = 300,
    # Seed of the generator, 0 or more; it is part of the data, not the seed of a run
    seed: int = 0,
    # Standard deviation of the noise on every value, levels of 255, 0 or more
    noise: float = 8.0,
) -> CaptionedDataset:
    """Generate the scenes."""
    n_validation = 300 if n_validation is None else n_validation
    least = {"n_train": (n_train, 1), "n_validation": (n_validation, 1), "n_test": (n_test, 1)}
    least |= {"seed": (seed, 0), "noise": (noise, 0)}
    check_least("captioned_scenes", least)
    parts = (
        generate(n, seed, part, noise) for part, n in enumerate((n_train, n_validation, n_test))
    )
    return CaptionedDataset("captioned_scenes", *parts, MEAN, STD)
