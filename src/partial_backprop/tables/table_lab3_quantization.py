"""Quantizing ResNet-20: accuracy by bits, with and without fine-tuning (seed 003, Lab 3 (b), (c))."""

from typing import Any

import pandas as pd

from partial_backprop.frames import points
from partial_backprop.frames.points import AT_ONCE, LAB3
from partial_backprop.inputs import Inputs
from partial_backprop.intervals import summary
from partial_backprop.tables import lab_rows, layout
from partial_backprop.tables.layout import Cell, Row, Table

BITS = (6, 5, 4, 3, 2)
ARMS = {
    6: "finetune_4bit",
    5: "finetune_4bit",
    4: "finetune_4bit",
    3: "finetune_3bit",
    2: "finetune_2bit",
}
"""Bits -> the arm that measures them without fine-tuning."""

FINETUNED = (4, 3, 2)
"""Bits that are fine-tuned (seed 003, Lab 3 (c))."""

_BEFORE = ("measured", "change", "printed")
COLUMNS = "lrrrrrrrrr"
HEADER = (
    Row(("", "", Cell("Without fine-tuning (%)", 3), Cell("Fine-tuned (%)", 5))),
    Row(("Bits", "Values", *_BEFORE, *lab_rows.RULE_NAMES, "change", "printed")),
)


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``lab3_quantization``, and the printed numbers.

    Returns
    -------
    Table
        One line for the network in floating point, and one for each number of bits.

    References
    ----------
    Seed 003, Lab 3 (b) and (c).
    """
    frame = points.frame([run for run in inputs.runs if run.record.experiment == LAB3])
    base = points.started(frame)
    lines = [_float(inputs, base), *(_row(inputs, frame, base, bits) for bits in BITS)]
    rows = pd.DataFrame([values for values, _ in lines])
    return Table(rows, COLUMNS, HEADER, tuple(row for _, row in lines), _notes(inputs))


def _float(inputs: Inputs, base: pd.Series) -> tuple[dict[str, Any], Row]:
    printed = lab_rows.printed_percent(inputs, "lab3_b.float")
    values = {"bits": "float", "printed_without_finetuning_percent": printed}
    values |= lab_rows.measured("without_finetuning_accuracy_percent", base)
    accuracy, none = layout.spread(summary(base)), layout.NONE
    cells = ("floating point", none, accuracy, none, layout.number(printed), *[none] * 5)
    return values, Row(cells)


def _row(
    inputs: Inputs, frame: pd.DataFrame, base: pd.Series, bits: int
) -> tuple[dict[str, Any], Row]:
    where = LAB3, ARMS[bits], AT_ONCE
    accuracy = points.pick(frame, *where, bits=bits)
    n_values = points.pick(frame, *where, "n_values", bits=bits)
    printed = lab_rows.printed_percent(inputs, f"lab3_b.{bits}bit")
    values: dict[str, Any] = {"bits": str(bits), "n_values_max": n_values.max()}
    values |= lab_rows.measured("without_finetuning_accuracy_percent", accuracy)
    values |= lab_rows.counted(frame, AT_ONCE, *where, bits=bits)
    changed, difference = lab_rows.change(base, accuracy)
    values |= {f"without_finetuning_{key}": value for key, value in changed.items()}
    values["printed_without_finetuning_percent"] = printed
    cells = [
        str(bits), layout.number(n_values.max(), 0), layout.spread(summary(accuracy)), difference,
        layout.number(printed),
    ]  # fmt: skip
    if bits not in FINETUNED:
        return values, Row((*cells, *[layout.NONE] * 5))
    more, accuracies = lab_rows.finetuned(frame, LAB3, ARMS[bits])
    changed, difference = lab_rows.change(base, points.pick(frame, LAB3, ARMS[bits], "last"))
    values |= more | {f"finetuned_{key}": value for key, value in changed.items()}
    printed = lab_rows.printed_percent(inputs, f"lab3_c.{bits}bit")
    values["printed_finetuned_percent"] = printed
    return values, Row((*cells, *accuracies, difference, layout.number(printed)))


def _notes(inputs: Inputs) -> tuple[str, ...]:
    return (
        lab_rows.ran(inputs, LAB3),
        "Test accuracy. Values: the most distinct values that a quantized layer uses. Change: to the "
        "network in floating point, in points, at the last epoch. First and last layer stay in "
        "floating point. With several seeds: mean ± sample standard deviation.",
        lab_rows.source(inputs),
    )
