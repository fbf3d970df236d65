"""Zeros of each filter of the convolutions, by magnitude and as printed (seed 002)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from partial_backprop import labels
from partial_backprop.facts import of_runs, sentences
from partial_backprop.figures import style
from partial_backprop.figures.style import Look
from partial_backprop.inputs import Inputs, Run
from partial_backprop.measurements import filters

EXPERIMENT, NETWORK, SEED = "filter_pruning", "FilterCNN", "002"
ARMS = labels.FILTER_PRUNING
LAYERS = ("conv1_1.weight", "conv2_1.weight", "conv3_1.weight")
EDGES = np.linspace(0, 100, 21)
"""Limits of the bins, in percent of a filter's weights; the last bin includes 100."""

ROWS = {
    "zeros_by_filter": ("plain", "group_filters", "group_channels"),
    "signed_by_filter": ("plain", "group_filters", "as_printed"),
}
"""How zeros are counted -> the arms that are drawn."""

LOOKS = {
    "plain": Look("#0072B2", "solid", ""),
    "group_filters": Look("#D55E00", (4, 1.5), ""),
    "group_channels": Look("#009E73", (5, 1.5, 1, 1.5), ""),
    "as_printed": Look("#CC79A7", (1, 1), ""),
}
_PRINTED = "Printed: the source's counts, first block, of its own network and data."
_TITLES = {"zeros_by_filter": "|w| ≤ τ", "signed_by_filter": "w < τ, as printed"}


def draw(inputs: Inputs) -> Figure:
    """Draw histograms of the share of zeros in a filter, layer by layer.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``filter_pruning``, and the printed numbers.

    Returns
    -------
    Figure
        A column a convolution. Above, zeros by magnitude; below, zeros as the source's script counts
        them, with the counts that it prints, first block, as a grey area. Filters of all seeds are
        taken together.

    References
    ----------
    Seed 002, "Sparse weight by filter".
    """
    facts = of_runs(EXPERIMENT, NETWORK, inputs.runs)
    height = style.EMPTY_ROW_IN if facts is None else 1.55
    figure, panels = style.panels([height] * 2, len(LAYERS), 0.8)
    found = [run for run in inputs.runs if run.record.experiment == EXPERIMENT]
    letters = iter("abcdef")
    for row, (count, arms) in zip(panels, ROWS.items(), strict=True):
        for panel, layer in zip(row, LAYERS, strict=True):
            name = layer.removesuffix(".weight")
            if facts is None:
                style.say(panel, f"{name}, {_TITLES[count]}: not run")
                continue
            if count == "signed_by_filter":
                _printed(panel, inputs, layer)
            for arm in arms:
                _histogram(panel, shares(found, arm, layer, count), LOOKS[arm])
            panel.set_title(f"({next(letters)}) {name}, {_TITLES[count]}")
            panel.set(xlim=(-2, 102), ylim=(0, None))
        if facts is not None:
            row[0].set_ylabel("filters (%)")
    if facts is not None:
        for panel in panels[-1]:
            panel.set_xlabel("zeros in a filter (%)")
        style.legend_above(figure, _legend(found), 3)
        style.footer(figure, [*sentences([facts]), _PRINTED])
    return figure


def shares(runs: Sequence[Run], arm: str, layer: str, count: str) -> np.ndarray:
    """Compute the share of zeros in each filter.

    Parameters
    ----------
    runs : sequence of Run
        Of the experiment.
    arm, layer : str
        Whose filters.
    count : {"zeros_by_filter", "signed_by_filter"}
        By which rule.

    Returns
    -------
    ndarray of shape (filters,)
        Percent; those of all seeds, one after the other.
    """
    per_run = [
        100 * np.asarray(zeros, dtype=float) * len(zeros) / tensor.n_weights
        for run in runs
        if run.record.arm == arm
        for tensor in filters.of(run.record).tensors
        if tensor.name == layer and (zeros := getattr(tensor, count)) is not None
    ]
    return np.concatenate(per_run) if per_run else np.empty(0)


def _percent_of_filters(values: Sequence[float]) -> np.ndarray:
    counts, _ = np.histogram(values, bins=EDGES)
    return 100 * counts / len(values)


def _histogram(panel: Axes, values: np.ndarray, look: Look) -> None:
    if len(values):
        panel.stairs(
            _percent_of_filters(values), EDGES, color=look.color, linestyle=style.linestyle(look),
            linewidth=1.3,
        )  # fmt: skip


def _printed(panel: Axes, inputs: Inputs, layer: str) -> None:
    counts = inputs.reported.entry(SEED, f"filters.1.by_filter.{layer}").values
    n_weights = inputs.reported.entry(SEED, f"filters.1.{layer}").values["n_weights"]
    values = [100 * count * len(counts) / n_weights for count in counts.values()]
    panel.stairs(_percent_of_filters(values), EDGES, fill=True, color=style.FAINT, zorder=0)


def _legend(runs: Sequence[Run]) -> list[object]:
    ran = [arm for arm in LOOKS if any(run.record.arm == arm for run in runs)]
    handles: list[object] = [
        Line2D(
            [], [], color=LOOKS[arm].color, linestyle=style.linestyle(LOOKS[arm]), label=ARMS[arm]
        )
        for arm in ran
    ]
    return [*handles, Patch(color=style.FAINT, label="printed in the source")]
