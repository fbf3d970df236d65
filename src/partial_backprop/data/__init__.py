"""Data sets: one module each, whose ``load(root, *, options)`` returns a `dataset.Dataset`."""
