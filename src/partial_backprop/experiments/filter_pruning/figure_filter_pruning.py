"""Zeros of networks with pruned filters, by magnitude and as the source's script counts them."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from partial_backprop import folders
from partial_backprop.facts import of_runs
from partial_backprop.figures import style
from partial_backprop.inputs import Inputs
from partial_backprop.report.frame import results, select

EXPERIMENT, NETWORK, SEED = "filter_pruning", "FilterCNN", "002"
PRINTED_BLOCKS = (1, 2)
COUNTS = {
    "zeros_percent": ("|w| ≤ τ", "#0072B2", -1),
    "signed_percent": ("w < τ, as in the source's script", "#D55E00", 1),
}
"""Column -> how zeros are counted, colour, and on which side of the middle its bar is."""
THICK = 0.36
"""Of a bar, in units of the distance between two networks."""


def draw(inputs: Inputs) -> Figure:
    """Draw two bars for each network, means over seeds with single seeds as marks.

    With w < τ every negative weight counts as a zero, so that a network without any has half of them; the
    shares that the source prints are dotted lines.
    """
    facts = of_runs(EXPERIMENT, NETWORK, inputs.runs)
    runs = [run for run in inputs.runs if run.record.experiment == EXPERIMENT]
    frame, ran = results(runs).frame, {run.record.arm for run in runs}
    titles = folders.about("filter_pruning").arms
    arms = [arm for arm in titles if arm in ran]
    if facts is None:
        return style.not_run("zeros of networks with pruned filters")
    figure, ((panel,),) = style.panels([0.6 + 0.25 * len(arms)], 1, 0.3)
    for row, arm in enumerate(arms):
        for column, (_, color, side) in COUNTS.items():
            values = select(frame, column, arm=arm, layer=None)
            _bar(panel, values, row + side * THICK / 2, color)
    _printed(panel, inputs)
    panel.set_yticks(range(len(arms)), [titles[arm] for arm in arms])
    panel.set(ylim=(len(arms) - 0.4, -0.6), xlim=(0, 108), xlabel="zeros (% of the weights)")
    panel.tick_params(axis="y", length=0)
    handles = [Patch(color=color, label=name) for name, color, _ in COUNTS.values()]
    style.legend_above(figure, handles, 2)
    panel.set_title(facts.heading(), pad=14)
    return figure


def _bar(panel: Axes, values: pd.Series, height: float, color: str) -> None:
    panel.barh(height, values.mean(), THICK, color=color)
    if len(values) > 1:
        panel.plot(values, [height] * len(values), "|", color="black", markersize=4)
    panel.annotate(
        f"{values.mean():.1f}", (values.max(), height), xytext=(3, 0), textcoords="offset points",
        va="center", fontsize=7, color=style.NEUTRAL,
    )  # fmt: skip


def _printed(panel: Axes, inputs: Inputs) -> None:
    shares = [
        inputs.reported.entry(SEED, f"filters.{block}.total").values["sparse_percent"]
        for block in PRINTED_BLOCKS
    ]
    for share in shares:
        panel.axvline(share, color=style.NEUTRAL, linewidth=0.8, linestyle=(0, (1, 2)))
    panel.annotate(
        "printed in the source", (min(shares), 1), xycoords=("data", "axes fraction"),
        xytext=(0, 3), textcoords="offset points", ha="center", fontsize=7, color=style.NEUTRAL,
    )  # fmt: skip
