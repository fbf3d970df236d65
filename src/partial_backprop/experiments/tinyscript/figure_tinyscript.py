"""Magnitudes with the levels for them, and accuracy against bits."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from partial_backprop import folders
from partial_backprop.experiments.pruning_quantization import lab_marks
from partial_backprop.experiments.tinyscript import results as tinyscript
from partial_backprop.experiments.tinyscript.results import BITS, EXPERIMENTS, MagnitudeModel
from partial_backprop.facts import of_runs
from partial_backprop.figures import style
from partial_backprop.figures.style import Look
from partial_backprop.inputs import Inputs
from partial_backprop.report.frame import results

LOOKS = {"uniform": Look("#0072B2", "solid", "o"), "weibull": Look("#D55E00", "solid", "s")}
NAMES = {"uniform": "uniform levels", "weibull": "levels of the Weibull model"}
SHOWN_BITS = 3
"""Bits whose levels are drawn over the magnitudes."""


def draw(inputs: Inputs) -> Figure:
    """Draw densities, levels and accuracies."""
    ran = [name for name in EXPERIMENTS if any(run.key[0] == name for run in inputs.runs)]
    if not ran:
        return style.not_run("training in few bits")
    figure, panels = style.panels([1.8] * len(ran), 3, 0.5)
    frame = results([run for run in inputs.runs if run.key[0] in EXPERIMENTS]).frame
    for row, experiment in zip(panels, ran, strict=True):
        for panel, kind in zip(row, ("activation", "gradient"), strict=False):
            _density(panel, _largest(inputs, experiment, kind))
        for levels, look in LOOKS.items():
            values = {
                bits: lab_marks.accuracy(frame, experiment, f"{levels}_{bits}bit", "last")
                for bits in BITS
            }
            lab_marks.curve(row[2], values, look, finetuned=True)
        base = lab_marks.accuracy(frame, experiment, "float", "last")
        if len(base):
            row[2].axhline(base.mean(), color=style.NEUTRAL, linewidth=0.8, linestyle="dotted")
        row[2].set(xlabel="bits", ylabel="test accuracy (%)", xticks=BITS)
        facts = of_runs(
            experiment, folders.about("tinyscript").experiments[experiment], inputs.runs
        )
        row[2].set_title(facts.heading().replace(" on ", "\n", 1))
    handles = [
        Line2D([], [], color=look.color, marker=look.marker, label=NAMES[name])
        for name, look in LOOKS.items()
    ]
    handles.append(Line2D([], [], color=style.NEUTRAL, label="fitted density"))
    handles.append(Line2D([], [], color=style.NEUTRAL, linestyle="dotted", label="float"))
    style.legend_above(figure, handles, 2)
    return figure


def _largest(inputs: Inputs, experiment: str, kind: str) -> MagnitudeModel | None:
    """Find the layer with the most weights, in floating point where that ran, in the first seed."""
    runs = sorted(
        (run for run in inputs.runs if run.record.experiment == experiment),
        key=lambda run: (run.record.arm != "float", run.key),
    )
    models = tinyscript.of(runs[0].record).magnitudes
    sizes = {one.layer: one.n_values for one in models if one.kind == "gradient"}
    found = [one for one in models if one.kind == kind and one.layer in sizes]
    return max(found, key=lambda one: sizes[one.layer], default=None)


def _density(panel: Axes, model: MagnitudeModel | None) -> None:
    if model is None:
        panel.text(0.5, 0.5, "all zero", transform=panel.transAxes, ha="center")
        panel.set_axis_off()
        return
    edges = np.array(model.bin_edges) / model.largest
    counts = np.array(model.bin_counts)
    density = counts / counts.sum() / np.diff(edges)
    panel.stairs(density, edges, fill=True, color=style.FAINT)
    x = np.geomspace(edges[1] / 100, 1, 400)
    scale = model.scale / model.largest
    k = model.shape
    fitted = k / scale * (x / scale) ** (k - 1) * np.exp(-((x / scale) ** k))
    panel.plot(x, fitted, color=style.NEUTRAL)
    uniform = np.linspace(0, 1, 2**SHOWN_BITS)
    weibull = np.array(model.weibull_levels[BITS.index(SHOWN_BITS)]) / model.largest
    top = max(10.0, float(density.max()))
    for height, (name, levels) in zip(
        (top, top * 2.5), (("uniform", uniform), ("weibull", weibull)), strict=True
    ):
        look = LOOKS[name]
        panel.plot(levels, [height * 2] * len(levels), "|", color=look.color, markersize=7)
    low = density[density > 0].min() / 2
    panel.set(yscale="log", ylim=(low, top * 10), xlim=(-0.02, 1.02))
    what = "input" if model.kind == "activation" else "gradient"
    panel.set_title(f"{model.layer}, {what} (k = {k:.2f})")
    panel.set(xlabel="magnitude / largest", ylabel="density")
