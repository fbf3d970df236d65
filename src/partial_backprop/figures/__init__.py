"""Figures: one module each, `draw(inputs) -> Figure`; the stem is the output's stem."""
