"""Weights in files: what they cost in bytes, and a format in which zeros cost next to nothing."""
