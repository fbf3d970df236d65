"""Marks that the figures of Labs 2 and 3 have in common: measured curves, printed numbers, levels."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from partial_backprop.figures import style
from partial_backprop.figures.style import Look
from partial_backprop.inputs import Inputs
from partial_backprop.report.frame import select
from partial_backprop.reported import Reported

SOURCE = "003"

NETWORK = "ResNet-20"
"""Network of Labs 2 and 3."""

# A colour is what was done to the network, a filled mark a measured accuracy, a hollow one a printed.
LAYER = Look("#0072B2", "solid", "o")
GLOBAL = Look("#D55E00", "solid", "s")
DENSE = Look("#0072B2", "solid", "o")
KEPT = Look("#009E73", "solid", "s")
LOST = Look("#CC79A7", "solid", "v")
STEPS = Look("#E69F00", "solid", "^")

WITHOUT = (3, 1.5)
"""Strokes and gaps of the lines of networks that were not fine-tuned."""


def accuracy(
    frame: pd.DataFrame, experiment: str, arm: str, stage: str, **settings: float
) -> pd.Series:
    """Select test accuracies, in percent, by seed."""
    where = {"experiment": experiment, "arm": arm, "stage": stage, **settings}
    return select(frame, "test_accuracy_percent", **where)


def start(frame: pd.DataFrame, experiment: str, arm: str) -> pd.Series:
    """Select test accuracies of a network that other runs began with."""
    return accuracy(frame, experiment, arm, "as_start")


def bits(frame: pd.DataFrame, experiment: str, arm: str) -> pd.Series:
    """List the bits of an arm that was fine-tuned."""
    own = frame[frame["experiment"].eq(experiment) & frame["arm"].eq(arm)]
    return own.loc[own["stage"].eq("last"), "bits"].dropna()


def curve(
    panel: Axes, values: Mapping[float, pd.Series], look: Look, *, finetuned: bool = False
) -> None:
    """Draw means over seeds, and the range from the lowest to the highest."""
    there = {position: series for position, series in values.items() if len(series)}
    if not there:
        return
    means = [series.mean() for series in there.values()]
    line = "solid" if finetuned else (0, WITHOUT)
    panel.plot(list(there), means, color=look.color, marker=look.marker, linestyle=line)
    for position, series in there.items():
        if len(series) > 1:
            panel.vlines(
                position, series.min(), series.max(), color=look.color, linewidth=2.5, alpha=0.3
            )


def printed(panel: Axes, x: Sequence[float], y: Sequence[float], look: Look) -> None:
    """Draw numbers that the source prints as hollow marks."""
    panel.plot(
        x,
        y,
        linestyle="none",
        marker=look.marker,
        markersize=6,
        markerfacecolor="none",
        markeredgecolor=look.color,
        markeredgewidth=0.8,
        alpha=0.75,
    )


def level(panel: Axes, height: float, text: str, *, right: bool = True) -> None:
    """Draw a horizontal line with its name."""
    if math.isnan(height):
        return
    panel.axhline(height, color=style.NEUTRAL, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
    panel.annotate(
        text,
        (0.99 if right else 0.01, height),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        fontsize=7,
        color=style.NEUTRAL,
        ha="right" if right else "left",
        va="bottom",
    )


BREAK = 75
"""Accuracy, in percent, above which an axis is wide, where the points are that are to be compared."""
_BELOW = 0.3
"""Share of the axis below it."""


def accuracy_axis(panel: Axes, *, top: float = 95) -> None:
    """Give an axis of accuracies most of its room above `BREAK`, and mark where the scale changes."""
    percents, heights = (-100, 0, BREAK, top, 200), (-1, 0, _BELOW, 1, 5)
    functions = (
        lambda percent: np.interp(percent, percents, heights),
        lambda height: np.interp(height, heights, percents),
    )
    panel.set_yscale("function", functions=functions)
    panel.set(ylabel="test accuracy (%)", ylim=(0, top))
    panel.yaxis.set_major_locator(FixedLocator([0, 50, *range(BREAK, int(top) + 1, 5)]))
    panel.yaxis.set_minor_locator(NullLocator())
    panel.axhline(BREAK, color=style.FAINT, linewidth=0.5, zorder=0)
    panel.plot(
        [0], [_BELOW], transform=panel.transAxes, marker=[(-1, -0.5), (1, 0.5)], markersize=8,
        color=style.NEUTRAL, clip_on=False, linestyle="none", label="_break",
    )  # fmt: skip


def key(look: Look, label: str, *, line: object = "none", hollow: bool = False) -> Line2D:
    """Make an entry of a legend."""
    inside = "none" if hollow else look.color
    return Line2D(
        [], [], color=look.color, marker=look.marker, linestyle=line, label=label,
        markerfacecolor=inside, markersize=5.5 if hollow else 4,
    )  # fmt: skip


def accuracy_percent(reported: Reported, names: Sequence[str]) -> list[float]:
    """Read accuracies that the source prints."""
    return [100 * reported.entry(SOURCE, name).values["test_accuracy"] for name in names]


def chance(inputs: Inputs, experiment: str) -> float:
    """Return the accuracy of guessing."""
    found = (run.record for run in inputs.runs if run.record.experiment == experiment)
    classes = [record.data.n_classes for record in found if record.data is not None]
    return 100 / classes[0] if classes else float("nan")
