"""Accuracy against bits, of the whole and of the pruned ResNet-20 (sparse_homework, Lab 3)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from partial_backprop.experiments.pruning_quantization import lab_marks
from partial_backprop.experiments.pruning_quantization.lab_marks import DENSE, KEPT, LOST, STEPS
from partial_backprop.facts import of_runs
from partial_backprop.figures import style
from partial_backprop.figures.style import Look
from partial_backprop.inputs import Inputs
from partial_backprop.report.frame import results

LAB3 = "lab3_quantization"
AT_ONCE = "without_finetuning"
BITS = (2, 3, 4, 5, 6)
FEW = (2, 3, 4)
NAMES = {"joint_zeros_lost": "zeros lost", "iterative_4bit": "in steps"}
SPARSE = ("lab2_pruning", "iterative_global")


def draw(inputs: Inputs) -> Figure:
    """Draw what quantization costs."""
    runs = [run for run in inputs.runs if run.record.experiment == LAB3]
    frame, facts = results(runs).frame, of_runs(LAB3, lab_marks.NETWORK, runs)
    if facts is None:
        return style.not_run(f"{lab_marks.NETWORK}, quantized")
    figure, ((whole, pruned),) = style.panels([2.3], 2, 0.3)
    for panel, draw_part in ((whole, _whole), (pruned, _pruned)):
        named = draw_part(panel, inputs, frame)
        lab_marks.level(panel, lab_marks.chance(inputs, LAB3), "chance")
        lab_marks.accuracy_axis(panel)
        panel.set_xlabel("bits")
        style.direct_labels(panel, named, 0.075)
    whole.set_title(f"(a) {facts.heading()}")
    pruned.set_title("(b) the same, pruned")
    whole.set(xticks=BITS, xlim=(1.7, 6.3))
    pruned.set(xticks=FEW, xlim=(1.8, 4.2))
    gray = Look(style.NEUTRAL, "solid", "o")
    handles = [
        lab_marks.key(gray, "fine-tuned", line="solid"),
        lab_marks.key(gray, "not fine-tuned", line=(0, lab_marks.WITHOUT)),
        lab_marks.key(gray, "printed in the source", hollow=True),
    ]
    style.legend_above(figure, handles, 3)
    return figure


Named = list[tuple[float, float, str, str]]


def _ends(curves: dict[str, tuple[dict[float, pd.Series], Look]]) -> Named:
    """Name curves at their last points."""
    ends = []
    for text, (values, look) in curves.items():
        there = {at: series for at, series in values.items() if len(series)}
        if there:
            ends.append((max(there), there[max(there)].mean(), text, look.color))
    return ends


def _shown(panel: Axes, inputs: Inputs, names: dict[float, str], look: Look) -> None:
    values = lab_marks.accuracy_percent(inputs.reported, list(names.values()))
    lab_marks.printed(panel, list(names), values, look)


def _whole(panel: Axes, inputs: Inputs, frame: pd.DataFrame) -> Named:
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
    return []


def _pruned(panel: Axes, inputs: Inputs, frame: pd.DataFrame) -> Named:
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
    ends = {"zeros kept": (last, KEPT), "zeros lost, not tuned": (lost, LOST)}
    for arm, look in (("joint_zeros_lost", LOST), ("iterative_4bit", STEPS)):
        bits = lab_marks.bits(frame, LAB3, arm)
        if len(bits):
            end = {bits.iloc[0]: lab_marks.accuracy(frame, LAB3, arm, "last")}
            lab_marks.curve(panel, end, look, finetuned=True)
            ends[NAMES[arm]] = end, look
    for when in ("before", "after"):
        _shown(panel, inputs, {bits: f"lab3_d.{when}.{bits}bit" for bits in FEW}, KEPT)
    _shown(panel, inputs, {4: "lab3_e"}, STEPS)
    base = lab_marks.start(frame, *SPARSE).mean()
    lab_marks.level(panel, base, "pruned, floating point", right=False)
    return _ends(ends)
