"""Sparse linear models by gradient descent, in double precision: sparse_homework, Lab 1."""
