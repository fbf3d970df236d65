"""Accuracy against bits, of the whole and of the pruned ResNet-20 (seed 003, Lab 3)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from partial_backprop import labels
from partial_backprop.facts import of_runs, sentences
from partial_backprop.figures import lab_marks, style
from partial_backprop.figures.lab_marks import DENSE, KEPT, LOST, STEPS
from partial_backprop.figures.style import Look
from partial_backprop.inputs import Inputs
from partial_backprop.report.frame import results

LAB3 = "lab3_quantization"
AT_ONCE = "without_finetuning"
BITS = (2, 3, 4, 5, 6)
FEW = (2, 3, 4)
SPARSE = ("lab2_pruning", "iterative_global")
BESIDE = {"joint_zeros_lost": 0.15, "iterative_4bit": 0.3}
"""How far to the right of its bits an arm stands, so that none hides another."""


def draw(inputs: Inputs) -> Figure:
    """Draw what quantization costs."""
    runs = [run for run in inputs.runs if run.record.experiment == LAB3]
    frame, facts = results(runs).frame, of_runs(LAB3, labels.LAB_NETWORK, runs)
    figure, panels = style.panels([style.EMPTY_ROW_IN if facts is None else 2.3], 2, 1.0)
    (whole, pruned), = panels  # fmt: skip
    if facts is None:
        for panel, what in ((whole, "quantized"), (pruned, "pruned and quantized")):
            style.say(panel, f"{labels.LAB_NETWORK}, {what}: not run")
        return figure
    _whole(whole, inputs, frame)
    _pruned(pruned, inputs, frame)
    where = f"{facts.name()} on {labels.data(facts.data.name)}"
    whole.set_title(f"(a) {where}")
    pruned.set_title(f"(b) {where}, pruned")
    for panel in (whole, pruned):
        lab_marks.level(panel, lab_marks.chance(inputs, LAB3), "chance")
        lab_marks.accuracy_axis(panel)
        panel.set_xlabel("bits")
    whole.set(xticks=BITS, xlim=(1.7, 6.3))
    pruned.set(xticks=FEW, xlim=(1.7, 5.3))
    style.legend_above(figure, _legend(), 3)
    style.footer(figure, sentences([facts]))
    return figure


def _legend() -> list[object]:
    gray = Look(style.NEUTRAL, "solid", "none")
    mark = Look(style.NEUTRAL, "solid", "o")
    return [
        lab_marks.key(DENSE, "quantized"),
        lab_marks.key(KEPT, "pruned, zeros kept"),
        lab_marks.key(LOST, "pruned, zeros lost"),
        lab_marks.key(STEPS, "pruned in steps while quantized"),
        lab_marks.key(gray, "dashed: not fine-tuned", line=(0, lab_marks.WITHOUT)),
        lab_marks.key(mark, "hollow: printed in the source", hollow=True),
    ]


def _shown(panel: Axes, inputs: Inputs, names: dict[float, str], look: Look) -> None:
    values = lab_marks.accuracy_percent(inputs.reported, list(names.values()))
    lab_marks.printed(panel, list(names), values, look)


def _whole(panel: Axes, inputs: Inputs, frame: pd.DataFrame) -> None:
    arms = {bits: f"finetune_{min(bits, max(FEW))}bit" for bits in BITS}
    without = {
        bits: lab_marks.accuracy(frame, LAB3, arm, AT_ONCE, bits=bits) for bits, arm in arms.items()
    }
    lab_marks.curve(panel, without, DENSE)
    _shown(panel, inputs, {bits: f"lab3_b.{bits}bit" for bits in BITS}, DENSE)
    last = {bits: lab_marks.accuracy(frame, LAB3, arms[bits], "last") for bits in FEW}
    lab_marks.curve(panel, last, DENSE, finetuned=True)
    _shown(panel, inputs, {bits: f"lab3_c.{bits}bit" for bits in FEW}, DENSE)
    lab_marks.level(
        panel,
        lab_marks.start(frame, "resnet20_pretraining", "float").mean(),
        "floating point",
        right=False,
    )


def _pruned(panel: Axes, inputs: Inputs, frame: pd.DataFrame) -> None:
    kept, lost = (
        {
            bits: lab_marks.accuracy(frame, LAB3, arm.format(bits), AT_ONCE, bits=bits)
            for bits in FEW
        }
        for arm in ("joint_{}bit", "joint_zeros_lost")
    )
    lab_marks.curve(panel, kept, KEPT)
    lab_marks.curve(panel, lost, LOST)
    last = {bits: lab_marks.accuracy(frame, LAB3, f"joint_{bits}bit", "last") for bits in FEW}
    lab_marks.curve(panel, last, KEPT, finetuned=True)
    for arm, look in (("joint_zeros_lost", LOST), ("iterative_4bit", STEPS)):
        bits = lab_marks.bits(frame, LAB3, arm)
        if len(bits):
            last = {bits.iloc[0] + BESIDE[arm]: lab_marks.accuracy(frame, LAB3, arm, "last")}
            lab_marks.curve(panel, last, look, finetuned=True)
    for when in ("before", "after"):
        _shown(panel, inputs, {bits: f"lab3_d.{when}.{bits}bit" for bits in FEW}, KEPT)
    _shown(panel, inputs, {4 + BESIDE["iterative_4bit"]: "lab3_e"}, STEPS)
    lab_marks.level(panel, lab_marks.start(frame, *SPARSE).mean(), "pruned, floating point")
