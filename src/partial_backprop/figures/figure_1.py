"""Figure 1: full against partial backpropagation, as a drawing (seed 001, Figure 1)."""

import itertools

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
_GAP_IN_UNITS = 1.9


def draw(inputs: Inputs) -> Figure:
    """Draw the figure; it shows the idea and needs no run."""
    figure, ((full, partial),) = style.panels([2.3], 2, 0.45)
    _network(full, frozen=set())
    full.set_title("(a) full backpropagation (FB)")
    _network(partial, frozen=FROZEN)
    partial.set_title("(b) partial backpropagation (PB), from epoch Ω + 1")
    for panel in (full, partial):
        _label(panel, (0, 0, 0), "0.31 → 0.28", UPDATED.color)
    _label(full, (2, 0, 0), "−0.42 → −0.45", UPDATED.color)
    _label(partial, (2, 0, 0), "−0.42 → −0.42", style.FROZEN)
    handles = [
        Line2D([], [], color=UPDATED.color, label="weight that each step updates"),
        Line2D(
            [],
            [],
            color=style.FROZEN,
            linestyle=(0, (4, 1.5)),
            label="frozen weight: keeps its value and still acts,\nneither set to zero nor removed",
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, handlelength=2.8)
    return figure


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
        look = {"color": UPDATED.color, "linewidth": 1.1, "alpha": 0.75, "zorder": 1}
        if edge in frozen:
            look |= {"color": style.FROZEN, "linestyle": (0, (4, 1.5)), "alpha": 1, "zorder": 2}
        panel.plot([x0, x1], [y0, y1], **look)
    for layer, size in enumerate(SIZES):
        places = [_place(layer, unit) for unit in range(size)]
        panel.plot(
            *zip(*places, strict=True),
            linestyle="none",
            marker="o",
            markersize=13,
            markerfacecolor="white",
            markeredgecolor=style.NEUTRAL,
            zorder=3,
        )
    names = ["input", *["hidden"] * (len(SIZES) - 2), "output"]
    for layer, name in enumerate(names):
        x, y = _place(layer, SIZES[layer] - 1)
        panel.text(x, y - 0.45, name, ha="center", va="top", fontsize=7, color=style.NEUTRAL)
    panel.set(xlim=(-0.5, _GAP_IN_UNITS * 3 + 0.5), ylim=(-2.3, 2.2), xticks=[], yticks=[])
    panel.spines[:].set_visible(False)


def _label(panel: Axes, edge: tuple[int, int, int], text: str, color: str) -> None:
    """Write a weight's value before and after a step at the middle of its edge."""
    layer, start, end = edge
    (x0, y0), (x1, y1) = _place(layer, start), _place(layer + 1, end)
    panel.annotate(
        text,
        ((x0 + x1) / 2, (y0 + y1) / 2),
        xytext=((x0 + x1) / 2, 1.95),
        ha="center",
        va="center",
        fontsize=7,
        color=color,
        arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.6, "shrinkB": 1},
        zorder=4,
    )
