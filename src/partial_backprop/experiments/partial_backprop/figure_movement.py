"""How far FB moves weights, by their gradient when a mask would have been made (pb2020, section 1)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from partial_backprop.experiments.partial_backprop import cnns
from partial_backprop.facts import of_runs
from partial_backprop.figures import style
from partial_backprop.inputs import Inputs, Run
from partial_backprop.measurements import movement
from partial_backprop.measurements.movement import BatchMovement, MovementReport

COLOR = style.ARMS["fb"].color
_N_FEWEST = 30
"""Bins of fewer weights are not drawn: their quantiles are those of a few weights."""


def draw(inputs: Inputs) -> Figure:
    """Draw distance by gradient for each network, from FB's record of its lowest seed."""
    found = {name: _lowest_seed(inputs, name) for name in cnns.CNNS}
    drawn = [(name, run) for name, run in found.items() if run is not None]
    if not drawn:
        return style.not_run("movement of weights by their gradient")
    figure, panels = style.grid(len(drawn), 2, 1.9, 0.4)
    for panel, (name, run), letter in zip(panels, drawn, "abcd", strict=False):
        facts = of_runs(run.record.experiment, cnns.CNNS[name], (run,))
        _distances(panel, run, movement.of(run.record), _threshold(inputs, run))
        panel.set_title(f"({letter}) " + facts.heading().replace(" on ", "\n", 1))
    handles = [
        Line2D([], [], color=COLOR, label="median"),
        Patch(color=COLOR, alpha=0.2, label="quartiles"),
        Line2D([], [], color=COLOR, linewidth=0.6, alpha=0.6, label="medians, other batches"),
        Line2D([], [], color=COLOR, marker="o", linestyle="none", label="gradient of zero"),
        Line2D([], [], color=style.FROZEN, linestyle=(0, (4, 1.5)), label="PB's threshold"),
    ]
    style.legend_above(figure, handles, 5)
    return figure


def _lowest_seed(inputs: Inputs, experiment: str) -> Run | None:
    """FB's run of the experiment with the source's split where that has a report, else of the other."""
    for name in (cnns.AS_IN_SOURCE.get(experiment), experiment):
        runs = [
            run
            for run in inputs.runs
            if run.key[:2] == (name, "fb") and movement.of(run.record) is not None
        ]
        if runs:
            return min(runs, key=lambda run: run.record.seed)
    return None


def _threshold(inputs: Inputs, fb: Run) -> float | None:
    """PB's raw threshold on the same seed."""
    wanted = (fb.record.experiment, "pb", fb.record.seed)
    found = [run.record.freezing for run in inputs.runs if run.key == wanted]
    return found[0].threshold if found and found[0] else None


def _distances(panel: Axes, run: Run, report: MovementReport, threshold: float | None) -> None:
    rate = run.record.config.training.learning_rate(report.epoch)
    first, *others = report.batches
    x, low, median, high = _curve(first, rate)
    panel.fill_between(x, low, high, color=COLOR, alpha=0.2, linewidth=0)
    for batch in others:
        position, _, middle, _ = _curve(batch, rate)
        panel.plot(position, middle, color=COLOR, linewidth=0.6, alpha=0.6)
    panel.plot(x, median, color=COLOR)
    panel.set(xscale="log", yscale="log")
    panel.set(xlabel="|gradient| / learning rate", ylabel="|change of the weight|")
    if threshold is not None:
        panel.axvline(threshold / rate, color=style.FROZEN, linestyle=(0, (4, 1.5)), linewidth=1)
    shares = []
    zero = next((one for one in first.bins if one.high == 0), None)
    if zero is not None and len(x):
        at = x[0] / 10  # a decade left of the axis' numbers, which has no place for 0
        _, quarter, middle, three, _ = zero.quantiles
        panel.plot([at], [middle], "o", color=COLOR)
        panel.annotate("0", (at, middle), (4, -2), textcoords="offset points", color=COLOR)
        panel.plot([at, at], [quarter, three], color=COLOR, linewidth=1)
        n_all = sum(one.n for one in first.bins)
        shares.append(f"{100 * zero.n / n_all:.1f} % have a gradient of zero")
    if first.rank_correlation is not None:
        shares.append(f"rank correlation {first.rank_correlation:.2f}".replace("-", "−"))
    panel.text(
        0.98, 0.03, "\n".join(shares), transform=panel.transAxes, ha="right", va="bottom",
        fontsize=7, color=style.NEUTRAL, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )  # fmt: skip


def _curve(batch: BatchMovement, rate: float) -> tuple[np.ndarray, ...]:
    """Centres of the bins in the paper's units, and lower quartile, median and upper quartile."""
    bins = [one for one in batch.bins if one.high > 0 and one.n >= _N_FEWEST]
    x = np.sqrt([one.low * one.high for one in bins]) / rate
    quantiles = np.array([one.quantiles for one in bins]).reshape(-1, len(movement.QUANTILES))
    return x, quantiles[:, 1], quantiles[:, 2], quantiles[:, 3]
