"""Figure 3: training loss and validation accuracy of FB and PB (seed 001, Figure 3)."""

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from partial_backprop import labels
from partial_backprop.facts import Facts, of_runs, sentences
from partial_backprop.figures import style
from partial_backprop.frames.aggregate import histories_frame
from partial_backprop.inputs import Inputs

ARMS = ("fb", "pb")
_COLUMNS = ("train_loss", "validation_accuracy_percent")


def draw(inputs: Inputs) -> Figure:
    """Draw the courses of FB and PB.

    Parameters
    ----------
    inputs : Inputs
        Runs with their histories; arms other than FB and PB are left out.

    Returns
    -------
    Figure
        A row a network: training loss on the left, on a logarithmic axis, accuracy on the
        held-out validation part on the right; lines are means over seeds, bands reach from the
        lowest to the highest seed.

    Notes
    -----
    Departures: the source's "validation" is the test set; here it is a part of the training set
    that is held out. A point stands at the number of epochs that it ends.

    References
    ----------
    Seed 001, Figure 3.
    """
    shown = tuple(run for run in inputs.runs if run.record.arm in ARMS)
    ran = {run.record.experiment for run in shown}
    heights = [1.65 if name in ran else style.EMPTY_ROW_IN for name in labels.CNNS]
    figure, panels = style.panels(heights, 2, 0.8)
    found = []
    letters = iter("abcdefgh")
    for row, (experiment, title) in zip(panels, labels.CNNS.items(), strict=True):
        facts = of_runs(experiment, title, shown)
        of_experiment = [run for run in shown if run.record.experiment == experiment]
        pair = f"({next(letters)}, {next(letters)})"
        if facts is None:
            for panel, what in zip(row, ("training loss", "validation accuracy"), strict=True):
                style.say(panel, f"{title}, {what}: not run")
            continue
        frame = histories_frame(of_experiment)
        frame = frame.assign(epochs=frame["epoch"] + 1)
        for panel, column in zip(row, _COLUMNS, strict=True):
            _course(panel, frame, column)
            shared = of_experiment[0].record.config.training.shared_epochs
            panel.axvline(shared, color=style.NEUTRAL, linewidth=0.8, linestyle=(0, (1, 2)))
            panel.set_xlabel("epochs trained")
        _name_axes(row, facts, pair)
        found.append(facts)
    handles = [
        Line2D(
            [], [], color=style.ARMS[arm].color, linestyle=style.linestyle(style.ARMS[arm]),
            label=labels.arm(arm),
        )
        for arm in ARMS
    ]  # fmt: skip
    handles += [
        Patch(color=style.FAINT, label="lowest to highest seed"),
        Line2D(
            [], [], color=style.NEUTRAL, linewidth=0.8, linestyle=(0, (1, 2)), label="Ω: first mask"
        ),
    ]
    if found:
        style.legend_above(figure, handles, 4)
    style.footer(figure, sentences(found))
    return figure


def _course(panel: Axes, frame: object, column: str) -> None:
    for arm in ARMS:
        chosen = frame[frame["arm"] == arm]
        if chosen.empty:
            continue
        look = style.ARMS[arm]
        sns.lineplot(
            chosen,
            x="epochs",
            y=column,
            estimator="mean",
            errorbar=("pi", 100),  # all of the seeds: from the lowest to the highest
            color=look.color,
            linestyle=style.linestyle(look),
            err_kws={"alpha": 0.2, "linewidth": 0},
            ax=panel,
        )
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    panel.margins(x=0.02)


def _name_axes(row: object, facts: Facts, pair: str) -> None:
    loss, accuracy = row
    first, second = pair.strip("()").split(", ")
    where = f"{facts.name()} on {labels.data(facts.data.name)}"
    loss.set_title(f"({first}) {where}")
    accuracy.set_title(f"({second}) {where}")
    loss.set_ylabel("training loss (nats)")
    accuracy.set_ylabel("validation acc. (%)")
    loss.set_yscale("log")
    loss.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    loss.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    loss.yaxis.set_minor_formatter(NullFormatter())
