"""The sum of squared errors of a linear model, and its gradient.

Shapes: n samples, d weights. Sums are elementwise products added up in order, and no calls of BLAS,
whose order of adding depends on the processor: losses down to rounding error are the same everywhere.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def _residuals(weights: Array, x: Array, y: Array) -> Array:
    return (x * weights).sum(axis=1) - y


def loss(weights: Array, x: Array, y: Array) -> float:
    """Compute L(W) = Σ (x_i W − y_i)²."""
    # Shapes: weights (d,), x (n, d), y (n,)
    # Source: sparse_homework, Lab 1 (a)
    residuals = _residuals(weights, x, y)
    return float((residuals * residuals).sum())


def gradient(weights: Array, x: Array, y: Array) -> Array:
    """Compute the gradient of the loss, 2 Σ (x_i W − y_i) x_i."""
    # Shapes: weights (d,), x (n, d), y (n,), result (d,)
    # Source: sparse_homework, Lab 1 (a)
    return 2 * (_residuals(weights, x, y)[:, np.newaxis] * x).sum(axis=0)
