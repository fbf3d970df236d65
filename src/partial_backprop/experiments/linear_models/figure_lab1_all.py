"""Loss and weights of every descent of Lab 1 on the linear model (sparse_homework, Lab 1)."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from partial_backprop.experiments.linear_models import results as linear
from partial_backprop.experiments.linear_models.results import LinearReport, Part
from partial_backprop.figures import style
from partial_backprop.figures.style import Look
from partial_backprop.inputs import Inputs

N_COLUMNS = 5
"""Four strengths of a penalty, and the two methods without one."""
ORDERS = {
    "full_batch": Look("#000000", "solid", ""),
    "per_sample": Look("#56B4E9", (3, 1.2), ""),
    "per_sweep": Look("#009E73", (1, 1), ""),
    "per_sample_ties_first": Look("#D55E00", (5, 1.2, 1, 1.2), ""),
    "per_sweep_ties_first": Look("#E69F00", (1, 2.5), ""),
}
"""How an order is drawn; weights have its line, but colours of their own."""
WEIGHTS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
"""Colour of each weight."""
_IN_WEIGHT_PANELS = ("full_batch", "per_sample")


def draw(inputs: Inputs) -> Figure:
    """Draw fourteen pairs of panels: the loss on a logarithmic axis, and below it each weight, against steps.

    Points stand at every update: a step has one from all samples, or one from each sample in turn. Faint
    lines mark the sparsest solution. Weights are drawn for two orders only.
    """
    reports = linear.reports(run.record for run in inputs.runs)
    if not reports:
        return style.not_run("descents of Lab 1")
    figure, panels = style.panels([0.72] * 6, N_COLUMNS, 0.6)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.01)
    for part, position, (loss, weights) in _pairs(panels):
        found = {
            order: reports[f"{part.method}_{order}"]
            for order in ORDERS
            if f"{part.method}_{order}" in reports
        }
        if not found or position >= max(len(report.courses) for report in found.values()):
            loss.set_axis_off()
            weights.set_axis_off()
            continue
        _losses(loss, found, position)
        _weights(weights, found, position)
        strength = next(iter(found.values())).courses[position].strength
        named = part.method if strength is None else f"λ = {strength:g}"
        loss.set_title(f"({part.letter}) {named}", pad=2)
    for panel in panels[4:, -1]:
        panel.set_axis_off()
    _share(panels)
    style.legend_above(figure, _handles(reports), len(WEIGHTS))
    return figure


def _pairs(panels: np.ndarray) -> Iterator[tuple[Part, int, tuple[Axes, Axes]]]:
    """Each part's descents, in the order of their strengths, with their two panels."""
    plain, projected, *penalized = linear.PARTS
    for row, part in zip((0, 2), (plain, projected), strict=True):
        yield part, 0, (panels[row, -1], panels[row + 1, -1])
    for row, part in zip((0, 2, 4), penalized, strict=True):
        for column in range(N_COLUMNS - 1):
            yield part, column, (panels[row, column], panels[row + 1, column])


def _steps(report: LinearReport) -> np.ndarray:
    return np.arange(report.n_steps * report.updates_per_step + 1) / report.updates_per_step


def _losses(panel: Axes, found: dict[str, LinearReport], position: int) -> None:
    for order, report in found.items():
        look = ORDERS[order]
        panel.plot(
            _steps(report),
            report.courses[position].losses,
            color=look.color,
            linestyle=style.linestyle(look),
            linewidth=0.9,
        )
    panel.set_yscale("log")


def _weights(panel: Axes, found: dict[str, LinearReport], position: int) -> None:
    for order in _IN_WEIGHT_PANELS:
        if order not in found:
            continue
        report = found[order]
        path = np.array(report.courses[position].weights)
        for level in sorted(set(report.sparsest)):
            panel.axhline(level, color=style.FAINT, linewidth=0.5, zorder=0)
        for column, color in zip(path.T, WEIGHTS, strict=True):
            panel.plot(
                _steps(report),
                column,
                color=color,
                linestyle=style.linestyle(ORDERS[order]),
                linewidth=0.9,
            )


def _share(panels: np.ndarray) -> None:
    """Give panels that are compared the same axes, and label the outer ones."""
    groups = [tuple(panels[[0, 2], :-1].flat), tuple(panels[4, :-1]), tuple(panels[[0, 2], -1])]
    weights = tuple(panels[[1, 3, 5]].flat)
    for group in (*groups, weights):
        drawn = [panel for panel in group if panel.lines]
        if not drawn:
            continue
        low = min(panel.get_ylim()[0] for panel in drawn)
        high = max(panel.get_ylim()[1] for panel in drawn)
        for panel in drawn:
            panel.set_ylim(low, high)
    for (row, column), panel in np.ndenumerate(panels):
        if not panel.lines:
            continue
        is_loss = panel.get_yscale() == "log"
        if is_loss:
            few = (1e-30, 1e-20, 1e-10, 1) if panel.get_ylim()[0] < 1e-9 else (1e-2, 0.1, 1, 10)
            panel.yaxis.set_major_locator(FixedLocator(few))
            panel.yaxis.set_minor_locator(NullLocator())
        else:
            panel.yaxis.set_major_locator(FixedLocator((-4, -2, 0)))
        if column == 0:
            panel.set_ylabel("L" if is_loss else "weights", labelpad=1)
        elif column < N_COLUMNS - 1:
            panel.tick_params(labelleft=False)
        panel.xaxis.set_major_locator(FixedLocator((0, 100, 200)))
        panel.margins(x=0.02)
        if row == len(panels) - 1:
            panel.set_xlabel("steps", labelpad=1)
        elif (row, column) != (3, N_COLUMNS - 1):
            panel.tick_params(labelbottom=False)


def _handles(reports: dict[str, LinearReport]) -> list[Line2D]:
    """A line of orders over a line of weights: legends are filled column by column."""
    nothing = Line2D([], [], linestyle="none", label=" ")
    orders = [
        Line2D(
            [], [], color=look.color, linestyle=style.linestyle(look), label=linear.ORDERS[order]
        )
        for order, look in ORDERS.items()
        if any(arm.endswith(f"_{order}") for arm in reports)
    ]
    orders += [nothing] * (len(WEIGHTS) - len(orders))
    names = (f"W{index}" for index in "₁₂₃₄₅")
    weights = [
        Line2D([], [], color=color, label=name) for name, color in zip(names, WEIGHTS, strict=True)
    ]
    return [handle for pair in zip(orders, weights, strict=True) for handle in pair]
