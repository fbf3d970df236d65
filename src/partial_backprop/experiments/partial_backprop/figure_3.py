"""Figure 3: validation accuracy of FB, PB and a random mask by epoch (pb2020, Figure 3)."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from partial_backprop import labels
from partial_backprop.experiments.partial_backprop import cnns
from partial_backprop.facts import Facts, of_runs
from partial_backprop.figures import style
from partial_backprop.frames.aggregate import histories_frame
from partial_backprop.inputs import Inputs, Run

ARMS = ("fb", "pb", "pb_random")
COLUMN = "validation_accuracy_percent"
SETTLED = 0.2
"""Share of the epochs that may leave the panel below, since they would flatten the others."""


def draw(inputs: Inputs) -> Figure:
    """Draw accuracy on the held-out validation part against epochs, one panel for each network that ran.

    Thick lines are means over seeds, thin ones single seeds. The source's "validation" is the test set;
    here it is a part of the training set. A point stands at the number of epochs that it ends.
    """
    shown = tuple(run for run in inputs.runs if run.record.arm in ARMS)
    found: dict[str, Facts] = {
        experiment: facts
        for experiment, title in cnns.CNNS.items()
        if (facts := of_runs(experiment, title, shown)) is not None
    }
    if not found:
        return style.not_run("validation accuracy")
    figure, (row,) = style.panels([1.8], len(found), 0.3)
    limits: dict[str, tuple[float, float]] = {}
    for panel, (experiment, facts), letter in zip(row, found.items(), "abcd", strict=False):
        runs = [run for run in shown if run.record.experiment == experiment]
        frame = histories_frame(runs)
        _courses(panel, frame)
        shared = runs[0].record.config.training.shared_epochs
        panel.axvline(shared, color=style.NEUTRAL, linewidth=0.8, linestyle=(0, (1, 2)))
        name, _, where = facts.heading().partition(" on ")
        size = "" if facts.network.full_size else ", reduced"
        panel.set_title(f"({letter}) {name.removesuffix(' (reduced)')}{size}\n{where}", fontsize=7)
        panel.set_xlabel("epochs")
        low, high = limits.get(facts.data.name, (100.0, 0.0))
        settled = frame[frame["epoch"] >= SETTLED * frame["epoch"].max()][COLUMN]
        limits[facts.data.name] = min(low, settled.min()), max(high, frame[COLUMN].max())
    for panel, facts in zip(row, found.values(), strict=True):
        low, high = limits[facts.data.name]  # one axis for what saw the same data
        room = 0.05 * (high - low or 1)
        panel.set_ylim(low - room, high + room)
    row[0].set_ylabel("validation accuracy (%)")
    style.legend_above(figure, _legend(shown), 5)
    return figure


def _courses(panel: Axes, frame: pd.DataFrame) -> None:
    for arm in ARMS:
        look = style.ARMS[arm]
        by_epoch = frame[frame["arm"] == arm].pivot(index="epoch", columns="seed", values=COLUMN)
        if by_epoch.empty:
            continue
        line = {"color": look.color, "linestyle": style.linestyle(look)}
        panel.plot(by_epoch.index + 1, by_epoch.mean(axis=1), **line)
        if by_epoch.shape[1] > 1:
            panel.plot(by_epoch.index + 1, by_epoch, color=look.color, linewidth=0.5, alpha=0.5)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    panel.margins(x=0.02)


def _legend(shown: Sequence[Run]) -> list[Line2D]:
    ran = {run.record.arm for run in shown}
    handles = [
        Line2D([], [], color=look.color, linestyle=style.linestyle(look), label=labels.arm(arm))
        for arm in ARMS
        if arm in ran and (look := style.ARMS[arm])
    ]
    several = len({run.record.seed for run in shown}) > 1
    thin = {"color": style.NEUTRAL, "linewidth": 0.5, "label": "single seeds"}
    mask = {"color": style.NEUTRAL, "linewidth": 0.8, "linestyle": (0, (1, 2)), "label": "mask"}
    return [*handles, *([Line2D([], [], **thin)] if several else []), Line2D([], [], **mask)]
