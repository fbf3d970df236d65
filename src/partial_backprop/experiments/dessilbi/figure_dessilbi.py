"""Accuracy against density of DessiLBI's sparse networks, and of networks under masks (dessilbi2020)."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from partial_backprop import folders, labels
from partial_backprop.experiments.dessilbi import dessilbi_marks
from partial_backprop.experiments.dessilbi import results as inclusion
from partial_backprop.experiments.dessilbi.dessilbi_marks import MASK_NAMES, MASKS
from partial_backprop.experiments.dessilbi.paths import BASE, TUNED, varied
from partial_backprop.figures import style
from partial_backprop.inputs import Inputs, Run
from partial_backprop.report.frame import results

TICKETS = ("dessilbi_ticket_vgg16", "dessilbi_ticket_resnet56")
PATHS = {
    "dessilbi_mnist": "dessilbi_mom_wd",
    "dessilbi_lenet3": "path",
    "dessilbi_cifar10": "dessilbi_mom_wd",
    "dessilbi_conv2": "path",
    "dessilbi_conv4": "path",
    "dessilbi_vgg16": BASE,
    "dessilbi_resnet56": BASE,
}
"""Experiment -> the arm that is shown of it."""

SIGNS = {"kappa": "κ", "nu": "ν"}
DENSE_PERCENT = 100.0


def draw(inputs: Inputs) -> Figure:
    """Draw one point per network at the end of its path, joined to the full one; and what κ, ν and masks do.

    The thin line is the way there, epoch by epoch, whose beginning is the empty network. Means over seeds.
    """
    runs = list(inputs.runs)
    networks, masked = _networks(runs), _masked(runs)
    tuned = {which: found for which in SIGNS if not (found := _varied(runs, which)).empty}
    if not networks and masked.empty and not tuned:
        return style.not_run("sparse networks of DessiLBI")
    small = [*tuned, *(["masks"] if len(masked) else [])]
    heights = [1.9] * bool(networks) + [1.6] * bool(small)
    figure = Figure(figsize=(style.WIDTH_IN, sum(heights) + 0.1), layout="constrained")
    parts = iter(figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights).flat)
    if networks:
        _ends(next(parts).subplots(), networks)
    if small:
        panels = next(parts).subplots(1, len(small), squeeze=False)[0]
        for panel, what, letter in zip(panels, small, "bcd", strict=False):
            if what == "masks":
                _tickets(panel, masked, letter)
            else:
                _values(panel, tuned[what], what, letter)
    return figure


Network = tuple[str, pd.DataFrame, float]
"""Name with data and seeds; density and sparse accuracy by epoch; accuracy of the full network."""


def _networks(runs: Sequence[Run]) -> list[Network]:
    found = []
    for experiment, arm in PATHS.items():
        own = [run for run in runs if run.key[:2] == (experiment, arm)]
        own = [run for run in own if inclusion.KEY in run.record.measurements]
        if not own:
            continue
        first = own[0].record
        n = f"{len(own)} seeds" if len(own) > 1 else "one seed"
        name = f"{labels.network(first.network.name)}, {labels.data(first.data.name)}, {n}"
        frame = results(own).frame
        ends = frame[frame["metric"].eq("full_accuracy_percent") & frame["stage"].eq("last")]
        found.append((name, _courses(frame).groupby("after").mean(), float(ends["value"].mean())))
    return found


def _courses(frame: pd.DataFrame) -> pd.DataFrame:
    """Density and sparse accuracy, a row a run and epoch."""
    rows = frame[frame["stage"].str.match("epoch_", na=False)]
    rows = rows.assign(after=rows["stage"].str.removeprefix("epoch_").astype(int))
    wide = rows.pivot(index=["arm", "seed", "after"], columns="metric", values="value")
    columns = ["density_percent", "sparse_accuracy_percent"]
    return wide.reset_index().set_index("after")[["arm", *columns]].drop(columns="arm")


def _ends(panel: Axes, networks: Sequence[Network]) -> None:
    named = []
    for position, (name, course, full) in enumerate(networks):
        color = dessilbi_marks.color(position)
        x, y = course["density_percent"], course["sparse_accuracy_percent"]
        there = x > 0
        panel.plot(x[there], y[there], color=color, linewidth=0.6, alpha=0.6)
        panel.plot([x.iloc[-1]], [y.iloc[-1]], "o", color=color, markersize=5)
        panel.plot([DENSE_PERCENT], [full], "o", color=color, markersize=5, markerfacecolor="none")
        ends = [x.iloc[-1], DENSE_PERCENT], [y.iloc[-1], full]
        panel.plot(*ends, color=color, linewidth=0.8, linestyle=(0, (1, 2)))
        named.append((DENSE_PERCENT, full, name, color))
    panel.set(xscale="log", ylim=(0, 103), xlim=(0.1, 1.3 * DENSE_PERCENT))
    panel.set(xlabel="weights that are not zero (%)", ylabel="test accuracy (%)")
    panel.set_title("(a) sparse network (filled), full network (hollow)")
    style.direct_labels(panel, named, 0.09)


def _varied(runs: Sequence[Run], which: str) -> pd.DataFrame:
    """Sparse networks at the end of paths that differ in one hyperparameter, means over seeds."""
    rows = []
    for network, experiment in TUNED.items():
        own = [run for run in runs if run.record.experiment == experiment]
        frame = results(own).frame
        for value, arm in varied(frame, which, experiment).items():
            of_arm = frame[frame["arm"].eq(arm)]
            course = _courses(of_arm).groupby("after").mean()
            if len(course):
                data = next(run.record.data.name for run in own)
                rows.append(
                    {"network": network, "value": value, "data": data} | dict(course.iloc[-1])
                )
    return pd.DataFrame(rows)


def _values(panel: Axes, found: pd.DataFrame, which: str, letter: str) -> None:
    for network, color in zip(TUNED, dessilbi_marks.COLORS, strict=False):
        own = found[found["network"].eq(network)]
        x, y = own["density_percent"], own["sparse_accuracy_percent"]
        panel.plot(x, y, color=color, marker="o", linewidth=0.8, label=labels.network(network))
        for value, at, height in zip(own["value"], x, y, strict=True):
            panel.annotate(
                f"{value:g}",
                (at, height),
                (3, 3),
                textcoords="offset points",
                fontsize=7,
                color=color,
            )
    data = sorted({labels.data(name) for name in found["data"]})
    panel.set_title(f"({letter}) by {SIGNS[which]}\n{', '.join(data)}")
    panel.set(xlabel="not zero (%)", ylabel="sparse test acc. (%)")
    panel.margins(0.15)
    panel.legend(fontsize=7, handlelength=1.2)


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


def _tickets(panel: Axes, last: pd.DataFrame, letter: str) -> None:
    networks = sorted(last["network"].unique(), key=list(folders.about("dessilbi").networks).index)
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
    panel.set_title(f"({letter}) {titles[0]}{filled}\n{', '.join(data)}")
    panel.set(xlabel="left by the mask (%)", ylabel="test accuracy (%)")
    panel.margins(x=0.1, y=0.25)
    panel.legend(handles=handles, fontsize=7)
