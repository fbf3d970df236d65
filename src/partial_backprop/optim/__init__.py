"""Optimizers that torch has not: split linearized Bregman iteration, and AdaBound."""
