"""Sparse linear models by gradient descent, in double precision: seed 003, Lab 1."""
