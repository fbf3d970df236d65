"""Inclusion paths of DessiLBI, what κ and ν do to them, and tickets drawn from them (seed 004)."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from partial_backprop import labels
from partial_backprop.facts import of_runs, sentences
from partial_backprop.figures import dessilbi_marks, style
from partial_backprop.figures.dessilbi_marks import MASK_NAMES, MASKS
from partial_backprop.inputs import Inputs, Run
from partial_backprop.measurements import inclusion
from partial_backprop.measurements.inclusion import InclusionReport
from partial_backprop.report.frame import results
from partial_backprop.report.paths import TUNED, varied

TICKETS = ("dessilbi_ticket_vgg16", "dessilbi_ticket_resnet56")
LAYERS = {"dessilbi_lenet3": "LeNet-3", "dessilbi_conv2": "Conv-2", "dessilbi_conv4": "Conv-4"}
PATHS = (("dessilbi_lenet3",), ("dessilbi_conv4", "dessilbi_conv2"))
"""Experiments whose paths the first two panels show: of each group the first that ran."""

FILTERS = (
    "dessilbi_mnist",
    "dessilbi_cifar10",
    "dessilbi_conv4",
    "dessilbi_conv2",
    *TUNED.values(),
)
"""Experiments whose first filters may be shown: the first that has any."""

SIGNS = {"kappa": "κ", "nu": "ν"}
DASHES = dict(zip(TUNED, ("solid", (0, (3, 1.5))), strict=True))
"""Network of the experiments on κ and ν -> line style."""

COURSES = (("density_percent", "non-zero (%)"), ("sparse_accuracy_percent", "sparse test acc. (%)"))


def draw(inputs: Inputs) -> Figure:
    """Draw the figure."""
    runs = list(inputs.runs)
    found = {which: _varied(runs, which) for which in SIGNS}
    masked = _masked(runs)
    with_filters = _first(runs, FILTERS, filters=True)
    paths = [_first(runs, group) for group in PATHS]
    is_there = [
        any(paths), *[any(len(frame) for frame in found.values())] * 2, with_filters or len(masked)
    ]  # fmt: skip
    heights = [
        full if there else style.EMPTY_ROW_IN
        for full, there in zip((1.45, 1.2, 1.2, 1.45), is_there, strict=True)
    ]
    figure, panels = style.panels(heights, 2, 0.7)
    letters = iter("abcdefgh")
    for panel, one, group in zip(panels[0], paths, PATHS, strict=True):
        _path(panel, one, f"path of {LAYERS[group[0]]}", next(letters))
    for row, (column, label) in zip(panels[1:3], COURSES, strict=True):
        for panel, which in zip(row, SIGNS, strict=True):
            _courses(panel, found[which], which, (column, label), next(letters))
    _filters(panels[3][0], with_filters, next(letters))
    _tickets(panels[3][1], masked, next(letters))
    style.footer(figure, _told(runs, [*paths, with_filters]))
    return figure


Found = tuple[Run, InclusionReport] | None


def _first(runs: Sequence[Run], experiments: Sequence[str], *, filters: bool = False) -> Found:
    """Find the path to show: of the first experiment that ran, the last arm and its lowest seed."""
    for experiment in experiments:
        own = [run for run in runs if run.record.experiment == experiment]
        own = [run for run in own if inclusion.KEY in run.record.measurements]
        of = [(run, inclusion.of(run.record)) for run in own]
        of = [one for one in of if one[1].first_filters is not None or not filters]
        if of:
            arm = of[-1][0].record.arm
            return next(one for one in of if one[0].record.arm == arm)
    return None


def _varied(runs: Sequence[Run], which: str) -> pd.DataFrame:
    """Courses of the paths that differ in one hyperparameter, a row a run and epoch."""
    tuned = [run for run in runs if run.record.experiment in TUNED.values()]
    frame, data = results(tuned).frame, {run.key[:2]: run.record.data.name for run in tuned}
    rows = frame[frame["stage"].str.match("epoch_", na=False)]
    rows = rows.assign(after=rows["stage"].str.removeprefix("epoch_").astype(int))
    wide = rows.pivot(
        index=["experiment", "arm", "seed", "after"], columns="metric", values="value"
    )
    wide = wide.reset_index()
    parts = [
        wide[wide["experiment"].eq(experiment) & wide["arm"].eq(arm)].assign(
            **{"network": network, which: value, "data": data[experiment, arm]}
        )
        for network, experiment in TUNED.items()
        for value, arm in varied(frame, which, experiment).items()
    ]
    return pd.concat(parts) if parts else pd.DataFrame()


def _masked(runs: Sequence[Run]) -> pd.DataFrame:
    """Networks that were trained under a mask, after the last epoch, a row a run."""
    rows = []
    for run in runs:
        if run.record.experiment in TICKETS and inclusion.TICKET in run.record.measurements:
            report, count = inclusion.ticket_of(run.record), run.record.selection("last").test
            rows.append(
                {
                    "arm": run.record.arm,
                    "network": run.record.network.name,
                    "data": run.record.data.name,
                    "mask": report.mask,
                    "density_percent": 100 * report.density(),
                    "test_percent": 100 * count.n_correct / count.n_examples,
                }
            )
    return pd.DataFrame(rows)


def _where(run: Run) -> str:
    return f"{labels.network(run.record.network.name)} on {labels.data(run.record.data.name)}"


def _path(panel: Axes, found: Found, what: str, letter: str) -> None:
    if found is None:
        dessilbi_marks.empty(panel, what)
        return
    run, report = found
    names = dessilbi_marks.path(panel, report)
    panel.set_title(f"({letter}) {_where(run)}")
    panel.set(xlabel="epochs", ylabel="‖Γ$_g$‖ / largest", xlim=(0, len(report.epochs)))
    handles = [
        Line2D([], [], color=dessilbi_marks.color(position), label=name)
        for position, name in enumerate(names)
    ]
    _beside(panel, handles)


def _courses(
    panel: Axes, found: pd.DataFrame, which: str, shown: tuple[str, str], letter: str
) -> None:
    column, label = shown
    if found.empty:
        dessilbi_marks.empty(panel, f"{SIGNS[which]}, {label.removesuffix(' (%)')}")
        return
    colors = dessilbi_marks.scale(found[which])
    for (network, value), own in found.groupby(["network", which]):
        course = own.groupby("after")[column].mean()
        panel.plot(
            course.index,
            course,
            color=colors[value],
            linestyle=DASHES[network],
            marker="." if len(course) == 1 else None,
        )
    networks = list(found["network"].unique())
    handles = [
        Line2D([], [], color=color, label=f"{SIGNS[which]} = {value:g}")
        for value, color in colors.items()
    ]
    if len(networks) > 1:
        handles += [
            Line2D([], [], color=style.NEUTRAL, linestyle=DASHES[name], label=labels.network(name))
            for name in networks
        ]  # fmt: skip
    data = sorted({labels.data(name) for name in found["data"]})
    where = f"{', '.join(map(labels.network, networks))} on {', '.join(data)}"
    panel.set_title(f"({letter}) {where}")
    panel.set(xlabel="epochs", ylabel=label, ylim=(0, None))
    if column == COURSES[0][0]:
        _beside(panel, handles)


def _beside(panel: Axes, handles: Sequence[Line2D]) -> None:
    panel.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), fontsize=7)


def _filters(panel: Axes, found: Found, letter: str) -> None:
    if found is None:
        dessilbi_marks.empty(panel, "first filters")
        return
    run, report = found
    n_drawn = dessilbi_marks.filters(panel, report.first_filters)
    n_all = len(report.first_filters.weights)
    some = "" if n_drawn == n_all else f", {n_drawn} of {n_all} filters"
    panel.set_title(f"({letter}) {_where(run)}: entry{some}")


def _tickets(panel: Axes, masked: pd.DataFrame, letter: str) -> None:
    last = masked
    if last.empty:
        dessilbi_marks.empty(panel, "networks under a mask")
        return
    networks = sorted(last["network"].unique(), key=list(labels.NETWORKS).index)
    for (network, mask), own in last.groupby(["network", "mask"]):
        for _, one in own.groupby("arm"):
            x, y = one["density_percent"].mean(), one["test_percent"].mean()
            hollow = network != networks[0]
            dessilbi_marks.mark(panel, x, y, MASKS[mask], hollow=hollow)
            if len(one) > 1:
                ends = one["test_percent"].min(), one["test_percent"].max()
                panel.vlines(x, *ends, color=MASKS[mask].color, linewidth=2.5, alpha=0.3)
    handles = [
        Line2D([], [], color=MASKS[mask].color, marker=MASKS[mask].marker, linestyle="none",
               label=MASK_NAMES[mask])
        for mask in MASKS
        if last["mask"].eq(mask).any()
    ]  # fmt: skip
    titles = [labels.network(name) for name in networks]
    filled = f" (hollow: {', '.join(titles[1:])})" if titles[1:] else ""
    data = sorted({labels.data(name) for name in last["data"]})
    panel.set_title(f"({letter}) {titles[0]}{filled} on {', '.join(data)}")
    panel.set(xlabel="weights that a mask leaves (%)", ylabel="test accuracy (%)")
    panel.margins(x=0.1, y=0.25)
    _beside(panel, handles)


def _told(runs: Sequence[Run], shown: Sequence[Found]) -> list[str]:
    """Say what ran, experiment by experiment."""
    experiments = [one[0].record.experiment for one in shown if one is not None]
    facts = {}
    for experiment in (*experiments, *TUNED.values(), *TICKETS):
        own = [run for run in runs if run.record.experiment == experiment]
        if own:
            one = of_runs(experiment, labels.network(own[0].record.network.name), own)
            facts[one.who(), one.how()] = one
    return sentences(facts.values())
