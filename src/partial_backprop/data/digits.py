"""Real handwritten digits that come with scikit-learn; they play MNIST where no file is wanted.

The 1,797 images of the UCI set "Optical Recognition of Handwritten Digits" (its test part),
8×8 pixels of 0 to 16.
"""

import importlib.util
from pathlib import Path

import numpy as np

from partial_backprop.data.dataset import Dataset
from partial_backprop.data.examples import Examples, balanced, subset
from partial_backprop.errors import UserError

MEAN, STD = (0.2243,), (0.3139,)
"""Over all 1,797 images as `enlarge` makes them (a test computes them)."""


def enlarge(images: np.ndarray) -> np.ndarray:
    """Enlarge 8×8 images of 0 to 16 to MNIST's 28×28 of 0 to 255."""
    # Shapes: images (N, 8, 8), result (N, 1, 28, 28)
    # Bilinear interpolation by the factor 3, pixel centres aligned and edges repeated, then a black
    # border two pixels wide; in integers, rounding halves up, so that every machine gets the same
    # bytes
    # Output pixel i lies at (i - 1) / 3 of the input: thirds, so 9 is the common denominator in 2D.
    weights = np.zeros((24, 8), dtype=np.int64)
    for i in range(24):
        below, thirds = divmod(i - 1, 3)
        weights[i, max(below, 0)] += 3 - thirds
        weights[i, min(below + 1, 7)] += thirds
    ninths = weights @ images.astype(np.int64) @ weights.T  # (N, 24, 24)
    pixels = (2 * 255 * ninths + 9 * 16) // (2 * 9 * 16)
    return np.pad(pixels, ((0, 0), (2, 2), (2, 2)))[:, None].astype(np.uint8)


def _read() -> Examples:
    # The file itself: importing scikit-learn would take longer than many a run on these digits.
    package = Path(importlib.util.find_spec("sklearn").origin).parent
    rows = np.loadtxt(
        package / "datasets" / "data" / "digits.csv.gz", delimiter=",", dtype=np.int64
    )
    return Examples(enlarge(rows[:, :-1].reshape(-1, 8, 8)), rows[:, -1])


def load(root: Path, *, n_train: int | None = None, n_test: int = 360) -> Dataset:
    """Load the digits."""
    # They are brought into one fixed random order; the test set is taken first, evenly over the
    # classes, and then the training set from what remains, so that it never changes the test set
    # Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    # Learning Repository, 1998, as `sklearn.datasets.load_digits` ships it.
    # `n_train`: training images; None takes all that the test set leaves (1,437 beside the default)
    # `n_test`: test images
    digits = _read()
    order = np.argsort(np.random.default_rng(0).random(len(digits)), kind="stable")
    digits = digits.take(order)
    chosen = balanced(digits.labels, n_test, "test images of digits")
    if len(chosen) == len(digits):
        raise UserError(
            f"digits has {len(digits)} images: a test set of {n_test} leaves none to train"
        )
    rest = digits.take(np.setdiff1d(np.arange(len(digits)), chosen))
    return Dataset(
        name="digits",
        train=subset(rest, n_train, "training images of digits"),
        test=digits.take(chosen),
        classes=tuple("0123456789"),
        mean=MEAN,
        std=STD,
    )
