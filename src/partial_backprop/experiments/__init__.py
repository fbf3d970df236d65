"""Experiments: a folder each, found by `partial_backprop.folders`; folders of the user may join them."""
