"""The ℓ1 norm and the trimmed ℓ1 norm: a subgradient, and their proximal operators."""

import numpy as np

from partial_backprop.sparse.projection import smallest
from partial_backprop.sparse.squares import Array


def l1_subgradient(weights: Array, strength: float) -> Array:
    """Compute a subgradient of λ‖W‖₁."""
    # Shapes: weights (d,), result (d,)
    # Source: sparse_homework, Lab 1 (d)
    return strength * np.sign(weights)


def soft_threshold(weights: Array, threshold: float) -> Array:
    """Apply the proximal operator of the ℓ1 norm."""
    # Shapes: weights (d,), result (d,)
    # Source: sparse_homework, Lab 1 (e)
    return weights - np.clip(weights, -threshold, threshold)


def trimmed_soft_threshold(
    weights: Array, threshold: float, n_penalized: int, ties: str = "last"
) -> Array:
    """Apply the proximal operator of the trimmed ℓ1 norm."""
    # Shapes: weights (d,), result (d,)
    # What it costs to penalise a set of elements grows with the magnitude of each, so the cheapest
    # set is that of the smallest ones. T is not convex, and where magnitudes are equal there are
    # several minimisers, among which `ties` chooses.
    # Source: sparse_homework, Lab 1 (f)
    penalized = smallest(weights, n_penalized, ties)
    return np.where(penalized, soft_threshold(weights, threshold), weights)
