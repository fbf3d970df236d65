"""Images with their labels, and how a part of them is chosen; numpy only.

Shapes: N examples, C channels, H height, W width (pixels).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from partial_backprop.errors import UserError


@dataclass(frozen=True, eq=False)
class Examples:
    """Images with their labels."""

    images: np.ndarray  # of shape (N, C, H, W); pixel values from 0 to 255; N is at least 1
    labels: np.ndarray  # of shape (N,); class of each image, from 0

    def __post_init__(self) -> None:
        """Check types and shapes."""
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            found = f"{self.images.dtype} of shape {self.images.shape}"
            raise ValueError(f"images must be uint8 of shape (N, C, H, W), got {found}")
        if self.labels.dtype != np.int64 or self.labels.shape != self.images.shape[:1]:
            found = f"{self.labels.dtype} of shape {self.labels.shape}"
            raise ValueError(f"labels must be int64 of shape ({len(self.images)},), got {found}")
        if not self.images.size:
            raise ValueError("there must be at least one image, with at least one pixel")
        if self.labels.min() < 0:
            raise ValueError(f"labels must be 0 or more, got {self.labels.min()}")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "Examples":
        """Copy some of the examples."""
        # Shapes: indices (n,)
        return Examples(self.images[indices], self.labels[indices])


def check_least(dataset: str, least: Mapping[str, tuple[float, float]]) -> None:
    """Refuse an option that is less than it may be: name -> value and the least one."""
    for name, (value, minimum) in least.items():
        if not value >= minimum:
            raise UserError(f"option {name} of data/{dataset} is {value}: choose {minimum} or more")


def balanced(labels: np.ndarray, n: int | None, what: str = "examples") -> np.ndarray:
    """Choose examples, as evenly over the classes as they allow and with no chance in it."""
    # Shapes: labels (N,), result (n,)
    # Every class gives its first example, then every class its second, and so on until there are
    # `n`; where the last round is not complete, the examples that stand first in the file are
    # taken. A smaller choice is therefore part of every larger one.
    if n is None:
        return np.arange(len(labels))
    if not 1 <= n <= len(labels):
        raise UserError(
            f"{n} {what} were asked for: choose from 1 to {len(labels)}, or null for all"
        )
    by_class = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    first = np.cumsum(counts) - counts
    rank = np.empty(len(labels), dtype=np.int64)
    rank[by_class] = np.arange(len(labels)) - first[labels[by_class]]
    return np.sort(np.argsort(rank, kind="stable")[:n])


def subset(examples: Examples, n: int | None, what: str = "examples") -> Examples:
    """Choose `n` of the examples by the rule of `balanced`."""
    return examples if n is None else examples.take(balanced(examples.labels, n, what))


def hold_out(train: Examples, n_validation: int, seed: int) -> tuple[Examples, Examples]:
    """Hold part of the training examples out, at random."""
    if not 1 <= n_validation < len(train):
        raise UserError(
            f"n_validation is {n_validation}, but there are {len(train)} training examples: "
            f"choose from 1 to {len(train) - 1}"
        )
    # Sorting uniform numbers, not Generator.permutation, whose algorithm numpy may change.
    order = np.argsort(np.random.default_rng(seed).random(len(train)), kind="stable")
    return train.take(np.sort(order[n_validation:])), train.take(np.sort(order[:n_validation]))
