"""Accuracy against sparsity, and sparsity by layer, of the pruned ResNet-20 (seed 003, Lab 2)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from partial_backprop import labels
from partial_backprop.facts import of_runs, sentences
from partial_backprop.figures import lab_marks, style
from partial_backprop.figures.lab_marks import GLOBAL, LAYER
from partial_backprop.figures.style import Look
from partial_backprop.inputs import Inputs
from partial_backprop.report.frame import results, select

LAB2 = "lab2_pruning"
SPARSITIES = (0.4, 0.6, 0.8)
FINETUNED = {
    "finetune": (Look(LAYER.color, "solid", "D"), -3.0, "lab2_c"),
    "iterative": (Look(LAYER.color, "solid", "^"), 0.0, "lab2_d"),
    "iterative_global": (Look(GLOBAL.color, "solid", "v"), 3.0, "lab2_e"),
}
"""Arm -> how it is drawn, how far beside its sparsity in percent, and its printed accuracy."""

LISTED = {"finetune": (LAYER, "lab2_c"), "iterative_global": (GLOBAL, "lab2_e")}
"""Arms of which the zeros are drawn by layer."""


def draw(inputs: Inputs) -> Figure:
    """Draw what pruning costs, and where it prunes."""
    runs = [run for run in inputs.runs if run.record.experiment == LAB2]
    frame, facts = results(runs).frame, of_runs(LAB2, labels.LAB_NETWORK, runs)
    figure, panels = style.panels([style.EMPTY_ROW_IN if facts is None else 3.1], 2, 1.0)
    (accuracy, zeros), = panels  # fmt: skip
    if facts is None:
        for panel, what in ((accuracy, "accuracy by sparsity"), (zeros, "sparsity by layer")):
            style.say(panel, f"{labels.LAB_NETWORK}, {what}: not run")
        return figure
    _accuracy(accuracy, inputs, frame)
    _zeros(zeros, inputs, frame)
    for panel, letter in ((accuracy, "a"), (zeros, "b")):
        panel.set_title(f"({letter}) {facts.name()} on {labels.data(facts.data.name)}")
    style.legend_above(figure, _legend(), 3)
    style.footer(figure, sentences([facts]))
    return figure


def _legend() -> list[object]:
    dashed = (0, lab_marks.WITHOUT)
    handles = [
        lab_marks.key(LAYER, "layer by layer", line=dashed),
        lab_marks.key(GLOBAL, "over all layers", line=dashed),
    ]
    names = ("layer by layer, fine-tuned", "in steps, fine-tuned", "over all in steps, fine-tuned")
    handles += [
        lab_marks.key(look, name)
        for (look, *_), name in zip(FINETUNED.values(), names, strict=True)
    ]
    gray = Look(style.NEUTRAL, "solid", "o")
    return [*handles, lab_marks.key(gray, "hollow: printed in the source", hollow=True)]


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
    for arm, (look, beside, name) in FINETUNED.items():
        asked = select(frame, "asked_sparsity", experiment=LAB2, arm=arm, stage="last")
        if len(asked):
            at = 100 * asked.iloc[0] + beside
            last = lab_marks.accuracy(frame, LAB2, arm, "last")
            lab_marks.curve(panel, {at: last}, look, finetuned=True)
            shown = lab_marks.accuracy_percent(inputs.reported, [name])
            lab_marks.printed(panel, [at], shown, look)
    lab_marks.level(panel, lab_marks.chance(inputs, LAB2), "chance", right=False)
    lab_marks.accuracy_axis(panel)
    panel.set_xlabel("pruned (% of the prunable weights)")


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
        entries = inputs.reported.documents[lab_marks.SEED].entries
        shown = {
            row: 100 * entries[f"{printed}.{name}"].values["sparsity"]
            for row, name in enumerate(names)
            if f"{printed}.{name}" in entries
        }
        lab_marks.printed(panel, list(shown.values()), list(shown), look)
    panel.set_yticks(range(len(names)), [short(name) for name in names], fontsize=7)
    panel.invert_yaxis()
    panel.set(xlabel="zeros after fine-tuning (% of the layer)", xlim=(0, 102))
