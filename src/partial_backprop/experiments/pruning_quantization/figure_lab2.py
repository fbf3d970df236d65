"""Accuracy against sparsity, and sparsity by layer, of the pruned ResNet-20 (sparse_homework, Lab 2)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from partial_backprop.experiments.pruning_quantization import lab_marks
from partial_backprop.experiments.pruning_quantization.lab_marks import GLOBAL, LAYER
from partial_backprop.facts import of_runs
from partial_backprop.figures import style
from partial_backprop.figures.style import Look
from partial_backprop.inputs import Inputs
from partial_backprop.report.frame import results, select

LAB2 = "lab2_pruning"
SPARSITIES = (0.4, 0.6, 0.8)
FINETUNED = {
    "finetune": (Look(LAYER.color, "solid", "D"), -3.0, "lab2_c", "at once"),
    "iterative": (Look(LAYER.color, "solid", "^"), 0.0, "lab2_d", "in steps"),
    "iterative_global": (Look(GLOBAL.color, "solid", "v"), 3.0, "lab2_e", "in steps"),
}
"""Arm -> how it is drawn, how far beside its sparsity in percent, its printed accuracy, and its label."""

LISTED = {"finetune": (LAYER, "lab2_c"), "iterative_global": (GLOBAL, "lab2_e")}
"""Arms of which the zeros are drawn by layer."""


def draw(inputs: Inputs) -> Figure:
    """Draw what pruning costs, and where it prunes."""
    runs = [run for run in inputs.runs if run.record.experiment == LAB2]
    frame, facts = results(runs).frame, of_runs(LAB2, lab_marks.NETWORK, runs)
    if facts is None:
        return style.not_run(f"{lab_marks.NETWORK}, pruned")
    figure, ((accuracy, zeros),) = style.panels([2.7], 2, 0.3)
    _accuracy(accuracy, inputs, frame)
    _zeros(zeros, inputs, frame)
    accuracy.set_title(f"(a) {facts.heading()}")
    zeros.set_title("(b) zeros by layer, fine-tuned")
    gray = Look(style.NEUTRAL, "solid", "o")
    handles = [
        lab_marks.key(LAYER, "layer by layer"),
        lab_marks.key(GLOBAL, "over all layers"),
        lab_marks.key(gray, "dashed: not fine-tuned", line=(0, lab_marks.WITHOUT)),
        lab_marks.key(gray, "hollow: printed in the source", hollow=True),
    ]
    style.legend_above(figure, handles, 4)
    return figure


def _accuracy(panel: Axes, inputs: Inputs, frame: pd.DataFrame) -> None:
    base = lab_marks.start(frame, "resnet20_pretraining", "float")
    for arm, look in (("finetune", LAYER), ("iterative_global", GLOBAL)):
        pruned = {
            100 * share: lab_marks.accuracy(frame, LAB2, arm, "without_finetuning", sparsity=share)
            for share in SPARSITIES
        }
        lab_marks.curve(panel, {0: base} | pruned, look)
    names = ["lab2_a", *(f"lab2_b.{share:g}" for share in SPARSITIES)]
    shares = [0, *(100 * share for share in SPARSITIES)]
    shown = lab_marks.accuracy_percent(inputs.reported, names)
    lab_marks.printed(panel, shares, shown, LAYER)
    named = []
    for arm, (look, beside, name, label) in FINETUNED.items():
        asked = select(frame, "asked_sparsity", experiment=LAB2, arm=arm, stage="last")
        if len(asked):
            at = 100 * asked.iloc[0] + beside
            last = lab_marks.accuracy(frame, LAB2, arm, "last")
            lab_marks.curve(panel, {at: last}, look, finetuned=True)
            shown = lab_marks.accuracy_percent(inputs.reported, [name])
            lab_marks.printed(panel, [at], shown, look)
            named.append((at, last.mean(), label, look.color))
    lab_marks.level(panel, lab_marks.chance(inputs, LAB2), "chance", right=False)
    lab_marks.accuracy_axis(panel)
    panel.set(xlabel="pruned (% of the prunable weights)", xlim=(-4, 88))
    style.direct_labels(panel, named, 0.065)


def short(name: str) -> str:
    """Shorten the name of a layer."""
    return (
        name.removeprefix("body_op.")
        .removesuffix(".conv")
        .removesuffix(".0")
        .removesuffix(".linear")
    )


def _zeros(panel: Axes, inputs: Inputs, frame: pd.DataFrame) -> None:
    last = frame[frame["metric"].eq("zeros_percent") & frame["stage"].eq("last")]
    last = last[last["layer"].notna() & last["experiment"].eq(LAB2)]
    names = list(dict.fromkeys(last["layer"]))
    for arm, (look, printed) in LISTED.items():
        of_arm = last[last["arm"].eq(arm)].groupby("layer", sort=False)["value"].mean()
        rows = [names.index(name) for name in of_arm.index]
        # Layers have no order in which a line between them would mean anything.
        panel.plot(of_arm, rows, color=look.color, marker=look.marker, linestyle="none")
        entries = inputs.reported.documents[lab_marks.SOURCE].entries
        shown = {
            row: 100 * entries[f"{printed}.{name}"].values["sparsity"]
            for row, name in enumerate(names)
            if f"{printed}.{name}" in entries
        }
        lab_marks.printed(panel, list(shown.values()), list(shown), look)
    panel.set_yticks(range(len(names)), [short(name) for name in names], fontsize=7)
    panel.invert_yaxis()
    panel.set(xlabel="zeros (% of the layer)", xlim=(0, 102))
