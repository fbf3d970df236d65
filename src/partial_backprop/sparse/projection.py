"""Projection onto the weights with at most k non-zero elements."""

import numpy as np
from numpy.typing import NDArray

from partial_backprop.sparse.squares import Array

TIES = ("last", "first")
"""Which of several equal magnitudes stay: those that stand last, or first."""


def smallest(weights: Array, count: int, ties: str = "last") -> NDArray[np.bool_]:
    """Find the elements of smallest magnitude.

    Parameters
    ----------
    weights : ndarray of shape (d,)
        Weights.
    count : int
        How many, from 0 to d.
    ties : {"last", "first"}, default="last"
        Which of several equal magnitudes stay, that is, are not among the `count`.

    Returns
    -------
    ndarray of bool of shape (d,)
        True for exactly `count` elements.

    Raises
    ------
    ValueError
        If `count` is not between 0 and d, or `ties` is none of these.
    """
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
    """Set all but the elements of largest magnitude to zero.

    Parameters
    ----------
    weights : ndarray of shape (d,)
        Weights.
    n_nonzero : int
        How many may stay, from 0 to d.
    ties : {"last", "first"}, default="last"
        Which of several equal magnitudes stay.

    Returns
    -------
    ndarray of shape (d,)
        A point with ‖W‖₀ ≤ `n_nonzero` at the smallest Euclidean distance. Where magnitudes are
        equal there are several, and `ties` chooses.

    Raises
    ------
    ValueError
        If `n_nonzero` is not between 0 and d, or `ties` is none of these.

    Notes
    -----
    Neither the assignment nor seed 003 says which of equal weights to prune, and it can matter: the
    first sample of Lab 1 makes four equal weights in one update. ``last`` is what sorting
    magnitudes upwards by a stable method and pruning from the front gives.

    References
    ----------
    Seed 003, Lab 1 (c), which prunes "after every gradient descent step".
    """
    return np.where(smallest(weights, len(weights) - n_nonzero, ties), 0.0, weights)
