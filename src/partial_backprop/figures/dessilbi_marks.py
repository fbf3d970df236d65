"""Marks of the figure of DessiLBI: paths, first filters, and colours of values and masks."""

from collections.abc import Iterable

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from partial_backprop.figures import style
from partial_backprop.figures.style import Look
from partial_backprop.measurements.inclusion import FirstFilters, InclusionReport
from partial_backprop.report.rows_measured import layer_titles

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


def scale(values: Iterable[float]) -> dict[float, str]:
    """Choose colours for values of a hyperparameter."""
    different = sorted(set(values))
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(different)))
    return dict(zip(different, map(to_hex, shades), strict=True))


def path(panel: Axes, report: InclusionReport) -> list[str]:
    """Draw the norms of groups of Γ against epochs."""
    names = dict(zip((one.name for one in report.layers), layer_titles(report), strict=True))
    for position, one in enumerate(report.paths):
        norms = np.vstack([np.zeros(len(one.drawn)), np.array(one.norms)])
        largest = norms.max() or 1.0
        panel.plot(
            np.arange(len(norms)), norms / largest, color=color(position), linewidth=0.5, alpha=0.6
        )
    return [names[one.layer] for one in report.paths]


def filters(panel: Axes, found: FirstFilters) -> int:
    """Draw the first filters to enter, in their order, each with the step in which it did."""
    steps = found.entered_at_step
    order = sorted(
        range(len(steps)), key=lambda number: (steps[number] is None, steps[number] or 0)
    )
    order = order[: _PER_ROW * _ROWS]
    channels, height, width = found.shape
    for place, number in enumerate(order):
        row, column = divmod(place, _PER_ROW)
        weights = np.array(found.weights[number]).reshape(channels, height, width)
        picture = 0.5 + 0.5 * weights / (np.abs(weights).max() or 1.0)
        picture = picture.transpose(1, 2, 0) if channels == 3 else picture.mean(axis=0)
        left, top = 1.2 * column, -1.5 * row
        panel.imshow(
            picture, cmap="gray", vmin=0, vmax=1, extent=(left, left + 1, top - 1, top),
            interpolation="nearest",
        )  # fmt: skip
        said = "never" if steps[number] is None else f"{steps[number]:,}"
        panel.text(left + 0.5, top - 1.05, said, ha="center", va="top", fontsize=7)
    n_rows = -(-len(order) // _PER_ROW)
    panel.set(xlim=(-0.1, 1.2 * _PER_ROW - 0.1), ylim=(-1.5 * n_rows, 0.1), xticks=[], yticks=[])
    panel.spines[:].set_visible(False)
    return len(order)


def mark(panel: Axes, x: float, y: float, look: Look, *, hollow: bool) -> None:
    """Draw one measured accuracy."""
    inside = "white" if hollow else look.color
    panel.plot(
        [x], [y], marker=look.marker, color=look.color, markerfacecolor=inside, markersize=5,
        linestyle="none",
    )  # fmt: skip


def empty(panel: Axes, text: str) -> None:
    """Say in a panel that something did not run."""
    style.say(panel, f"{text}: not run")
