"""Figure 1: full against partial backpropagation, as a drawing (pb2020, Figure 1)."""

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from partial_backprop.figures import style
from partial_backprop.inputs import Inputs

SIZES = (3, 4, 4, 2)
"""Units of each layer of the drawn network."""

FROZEN = {(0, 0, 1), (0, 0, 2), (0, 1, 0), (0, 1, 3), (0, 2, 1), (0, 2, 2)} | {
    (1, 0, 0), (1, 0, 3), (1, 1, 1), (1, 1, 2), (1, 2, 0), (1, 2, 2), (1, 2, 3), (1, 3, 1),
    (2, 0, 0), (2, 1, 0), (2, 2, 1), (2, 3, 0),
}  # fmt: skip
"""Edges drawn as frozen: layer, unit from, unit to."""

UPDATED = style.ARMS["fb"]
DASHES = (0, (4, 1.5))
CUT = 0.9
"""Of the drawn histogram, in standard deviations."""
_GAP_IN_UNITS = 2.1


def draw(inputs: Inputs) -> Figure:
    """Draw two small networks and, between them, how PB chooses; it shows the idea and needs no run."""
    figure, ((full, choice, partial),) = style.panels([1.3], 3, 0.2)
    _network(full, frozen=set())
    full.set_title("(a) full backpropagation (FB)")
    _choice(choice)
    _network(partial, frozen=FROZEN)
    partial.set_title("(c) PB from epoch Ω + 1")
    _label(full, "−0.42 → −0.45", UPDATED.color)
    _label(partial, "−0.42 → −0.42", style.FROZEN)
    handles = [
        Line2D([], [], color=UPDATED.color, label="updated at each step"),
        Line2D(
            [], [], color=style.FROZEN, linestyle=DASHES,
            label="frozen: keeps its value and still acts, neither set to zero nor removed",
        ),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=2, handlelength=2.8)
    return figure


def _choice(panel: Axes) -> None:
    """Sketch the gradients of one batch, with the cut below which weights freeze."""
    edges = np.linspace(-3, 3, 31)
    middles = (edges[1:] + edges[:-1]) / 2
    heights = np.exp(-np.abs(middles) * 1.3)
    inside = np.abs(middles) < CUT
    for part, color in ((inside, style.FROZEN), (~inside, UPDATED.color)):
        panel.bar(middles[part], heights[part], 0.2, color=color, alpha=0.75)
    for end in (-CUT, CUT):
        panel.axvline(end, color=style.NEUTRAL, linewidth=0.8, linestyle=(0, (1, 2)))
    panel.set(xticks=[-CUT, 0, CUT], yticks=[], ylim=(0, 1.05))
    panel.set_xticklabels(["−τ", "0", "τ"])
    panel.set_xlabel("gradient g / learning rate α", labelpad=1)
    panel.set_ylabel("weights", labelpad=2)
    panel.set_title("(b) PB freezes |g| / α ≤ τ")


def _place(layer: int, unit: int) -> tuple[float, float]:
    return layer * _GAP_IN_UNITS, (SIZES[layer] - 1) / 2 - unit


def _edges() -> list[tuple[int, int, int]]:
    return [
        (layer, start, end)
        for layer, (n_start, n_end) in enumerate(itertools.pairwise(SIZES))
        for start in range(n_start)
        for end in range(n_end)
    ]


def _network(panel: Axes, frozen: set[tuple[int, int, int]]) -> None:
    for edge in _edges():
        layer, start, end = edge
        (x0, y0), (x1, y1) = _place(layer, start), _place(layer + 1, end)
        look = {"color": UPDATED.color, "linewidth": 0.9, "alpha": 0.75, "zorder": 1}
        if edge in frozen:
            look |= {"color": style.FROZEN, "linestyle": DASHES, "alpha": 1, "zorder": 2}
        panel.plot([x0, x1], [y0, y1], **look)
    for layer, size in enumerate(SIZES):
        places = [_place(layer, unit) for unit in range(size)]
        panel.plot(
            *zip(*places, strict=True), linestyle="none", marker="o", markersize=8,
            markerfacecolor="white", markeredgecolor=style.NEUTRAL, zorder=3,
        )  # fmt: skip
    panel.set(xlim=(-0.4, _GAP_IN_UNITS * 3 + 0.4), ylim=(-1.9, 2.35), xticks=[], yticks=[])
    panel.spines[:].set_visible(False)


def _label(panel: Axes, text: str, color: str) -> None:
    """Write a weight's value before and after a step above the first edge of the last layer."""
    (x0, y0), (x1, y1) = _place(2, 0), _place(3, 0)
    middle = (x0 + x1) / 2, (y0 + y1) / 2
    line = {"arrowstyle": "-", "color": color, "linewidth": 0.6, "shrinkB": 1}
    panel.annotate(
        text, middle, xytext=(_GAP_IN_UNITS * 3 + 0.4, 2.1), ha="right", va="center", fontsize=7, color=color,
        arrowprops=line, zorder=4,
    )  # fmt: skip
