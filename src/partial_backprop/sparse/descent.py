"""Gradient descent on the sum of squared errors: all samples at a time, or one by one.

Shapes: n samples, d weights.
"""

from collections.abc import Callable

import numpy as np

from partial_backprop.sparse.squares import Array, gradient

Move = Callable[[Array], Array]
"""From weights to weights, or to what is added to their gradient."""


def _none(weights: Array) -> Array:
    return np.zeros_like(weights)


def _stay(weights: Array) -> Array:
    return weights


def full_batch(
    x: Array,
    y: Array,
    *,
    learning_rate: float,
    steps: int,
    subgradient: Move = _none,
    after_update: Move = _stay,
) -> Array:
    """Descend along the gradient of all samples together, from zero."""
    # Shapes: x (n, d), y (n,), result (steps + 1, d)
    # Source: sparse_homework, Lab 1 (a): W^{k+1} = W^k − μ ∂L/∂W (W^k)
    path = np.zeros((steps + 1, x.shape[1]))
    for step in range(steps):
        weights = path[step]
        slope = gradient(weights, x, y) + subgradient(weights)
        path[step + 1] = after_update(weights - learning_rate * slope)
    return path


def per_sample(
    x: Array,
    y: Array,
    *,
    learning_rate: float,
    steps: int,
    subgradient: Move = _none,
    after_update: Move = _stay,
    after_sweep: Move = _stay,
) -> Array:
    """Descend along the gradient of one sample after another, from zero."""
    # Shapes: x (n, d), y (n,), result (n · steps + 1, d)
    # *Departures.* The assignment asks for `full_batch`. This is what the author of sparse_homework did by
    # mistake and says so: n updates a step, each with the whole penalty, so that a sweep penalises
    # n times as much.
    # Source: sparse_homework, note before Lab 1
    n = len(x)
    path = np.zeros((n * steps + 1, x.shape[1]))
    for update in range(n * steps):
        weights, sample = path[update], slice(update % n, update % n + 1)
        slope = gradient(weights, x[sample], y[sample]) + subgradient(weights)
        weights = after_update(weights - learning_rate * slope)
        path[update + 1] = after_sweep(weights) if update % n == n - 1 else weights
    return path
