"""Marks of the figure of DessiLBI: paths, first filters, and colours of values and masks."""

from matplotlib.axes import Axes

from partial_backprop.figures.style import Look

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Those of Okabe and Ito: of layers in their order."""

MASKS = {
    "support": Look("#D55E00", "solid", "s"),
    "random": Look("#E69F00", "solid", "v"),
    "none": Look("#0072B2", "solid", "o"),
}
MASK_NAMES = {"support": "support of Γ", "random": "random", "none": "dense"}

_PER_ROW, _ROWS = 6, 2


def color(position: int) -> str:
    """Return the colour of a layer."""
    return COLORS[position % len(COLORS)]


def mark(panel: Axes, x: float, y: float, look: Look, *, hollow: bool) -> None:
    """Draw one measured accuracy."""
    inside = "white" if hollow else look.color
    panel.plot(
        [x], [y], marker=look.marker, color=look.color, markerfacecolor=inside, markersize=5,
        linestyle="none",
    )  # fmt: skip
