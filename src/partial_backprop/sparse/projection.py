"""Projection onto the weights with at most k non-zero elements."""

import numpy as np
from numpy.typing import NDArray

from partial_backprop.sparse.squares import Array

TIES = ("last", "first")
"""Which of several equal magnitudes stay: those that stand last, or first."""


def smallest(weights: Array, count: int, ties: str = "last") -> NDArray[np.bool_]:
    """Find the elements of smallest magnitude."""
    # Shapes: weights (d,), result (d,)
    if not 0 <= count <= len(weights):
        raise ValueError(f"cannot take {count} of {len(weights)} weights")
    if ties not in TIES:
        raise ValueError(f"ties must be one of {', '.join(TIES)}, got {ties!r}")
    magnitudes = np.abs(weights)
    if ties == "last":
        from_smallest = np.argsort(magnitudes, kind="stable")
    else:
        from_smallest = len(weights) - 1 - np.argsort(magnitudes[::-1], kind="stable")
    chosen = np.zeros(len(weights), dtype=bool)
    chosen[from_smallest[:count]] = True
    return chosen


def project(weights: Array, n_nonzero: int, ties: str = "last") -> Array:
    """Set all but the elements of largest magnitude to zero."""
    # Shapes: weights (d,), result (d,)
    # Neither the assignment nor sparse_homework says which of equal weights to prune, and it can matter:
    # the first sample of Lab 1 makes four equal weights in one update. ``last`` is what sorting
    # magnitudes upwards by a stable method and pruning from the front gives.
    # Source: sparse_homework, Lab 1 (c), which prunes "after every gradient descent step"
    return np.where(smallest(weights, len(weights) - n_nonzero, ties), 0.0, weights)
