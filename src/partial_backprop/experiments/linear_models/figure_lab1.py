"""Loss by step and final weights of Lab 1's penalties at one strength (sparse_homework, Lab 1 d to f)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from partial_backprop.experiments.linear_models import results as linear
from partial_backprop.experiments.linear_models.figure_lab1_all import ORDERS
from partial_backprop.experiments.linear_models.results import Course, LinearReport
from partial_backprop.figures import style
from partial_backprop.inputs import Inputs

METHODS = ("l1", "proximal", "trimmed")
STRENGTH = 1.0
"""λ, which all three methods have."""
MARKERS = dict(zip(ORDERS, "osD^v", strict=True))
NAMES = [f"W{index}" for index in "₁₂₃₄₅"]


def draw(inputs: Inputs) -> Figure:
    """Draw the loss on a logarithmic axis, and below it the last weights beside the sparsest solution."""
    reports = linear.reports(run.record for run in inputs.runs)
    parts = [part for part in linear.PARTS if part.method in METHODS]
    parts = [part for part in parts if any(arm.startswith(part.method) for arm in reports)]
    if not parts:
        return style.not_run("descents of Lab 1")
    figure, panels = style.panels([1.4, 1.3], len(parts), 0.3)
    for part, (loss, weights) in zip(parts, panels.T, strict=True):
        found = {
            order: (report, course)
            for order in ORDERS
            if (report := reports.get(f"{part.method}_{order}"))
            for course in report.courses
            if course.strength == STRENGTH
        }
        for order, (report, course) in found.items():
            _loss(loss, order, report, course)
        _weights(weights, found)
        loss.set_title(f"({part.letter}) {part.title}")
        loss.set(yscale="log", xlabel="steps")
        weights.set(xticks=range(len(NAMES)), xticklabels=NAMES)
    panels[0, 0].set_ylabel("loss")
    panels[1, 0].set_ylabel("last weight")
    # Two penalties end near the same loss; the third goes on to zero and has an axis of its own.
    for group in (panels[0, :2], panels[1]):
        low, high = zip(*(panel.get_ylim() for panel in group), strict=True)
        for panel in group:
            panel.set_ylim(min(low), max(high))
    drawn = [order for order in ORDERS if any(f"{name}_{order}" in reports for name in METHODS)]
    handles = [
        Line2D(
            [], [], color=ORDERS[order].color, linestyle=style.linestyle(ORDERS[order]),
            marker=MARKERS[order], label=linear.ORDERS[order],
        )
        for order in drawn
    ]  # fmt: skip
    handles.append(Line2D([], [], color=style.FAINT, linewidth=3, label="sparsest solution"))
    style.legend_above(figure, handles, 4)
    return figure


def _loss(panel: Axes, order: str, report: LinearReport, course: Course) -> None:
    look = ORDERS[order]
    steps = np.arange(len(course.losses)) / report.updates_per_step
    panel.plot(steps, course.losses, color=look.color, linestyle=style.linestyle(look), linewidth=1)


def _weights(panel: Axes, found: dict[str, tuple[LinearReport, Course]]) -> None:
    for place, (order, (report, course)) in enumerate(found.items()):
        positions = np.arange(len(report.sparsest))
        if place == 0:
            panel.hlines(
                report.sparsest,
                positions - 0.35,
                positions + 0.35,
                color=style.FAINT,
                linewidth=3,
                zorder=0,
            )
        beside = 0.2 * (place - (len(found) - 1) / 2)
        mark = {"color": ORDERS[order].color, "marker": MARKERS[order], "linestyle": "none"}
        panel.plot(positions + beside, course.weights[-1], markersize=3.5, **mark)
