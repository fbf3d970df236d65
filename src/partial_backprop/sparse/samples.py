"""The three samples of sparse_homework's Lab 1, and the solution that it hides in them."""

import numpy as np

from partial_backprop.sparse.squares import Array

X: Array = np.array(
    [
        [1.0, -2.0, -1.0, -1.0, 1.0],
        [2.0, -1.0, 2.0, 0.0, -2.0],
        [-1.0, 0.0, 2.0, 2.0, 1.0],
    ]
)
"""Inputs, of shape (3, 5). sparse_homework prints none: they are those of its assignment."""

Y: Array = np.array([7.0, 1.0, 1.0])
"""Targets, of shape (3,)."""

SPARSEST: Array = np.array([0.0, -3.0, 0.0, 0.0, 1.0])
"""W*: the only weights with at most two non-zero elements whose loss is 0."""
