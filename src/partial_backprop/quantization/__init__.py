"""Weights in few bits, trained through the rounding."""
