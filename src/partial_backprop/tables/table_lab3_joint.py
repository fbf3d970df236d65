"""Pruning and quantizing ResNet-20 together (seed 003, Lab 3 (d) and (e))."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from partial_backprop.frames import points
from partial_backprop.frames.points import AT_ONCE, LAB3
from partial_backprop.inputs import Inputs
from partial_backprop.intervals import summary
from partial_backprop.tables import lab_rows, layout
from partial_backprop.tables.layout import Cell, Row, Table

BITS = (4, 3, 2)
SPARSE = "lab2_pruning/iterative_global"
"""Whose last weights part (d) starts from."""

_BEFORE = ("zeros", "measured", "printed")
COLUMNS = "lrrrrrrrrr"
HEADER = (
    Row(("", "", Cell("Without fine-tuning (%)", 3), Cell("Fine-tuned (%)", 5))),
    Row(("Network", "Bits", *_BEFORE, "zeros", *lab_rows.RULE_NAMES, "printed")),
)


class _Line(NamedTuple):
    arm: str
    bits: int
    """Of the inner layers."""
    finetuned: bool
    """Whether the arm is fine-tuned with these bits."""
    printed: tuple[str | None, str | None]
    """Entries without and after fine-tuning."""


_GROUPS = {
    "(d) zeros kept": tuple(
        _Line(
            f"joint_{bits}bit", bits, True, (f"lab3_d.before.{bits}bit", f"lab3_d.after.{bits}bit")
        )
        for bits in BITS
    ),
    "zeros lost": tuple(
        _Line("joint_zeros_lost", bits, bits == BITS[0], (None, None)) for bits in BITS
    ),
    "(e) in steps": (_Line("iterative_4bit", 4, True, (None, "lab3_e")),),
}


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``lab3_quantization``, and the printed numbers.

    Returns
    -------
    Table
        The sparse network before quantization; with its zeros kept, and lost; and pruned in steps
        under few bits.

    Notes
    -----
    *Departures.* Part (d) starts from the last epoch's weights of Lab 2 (e), not from those of the
    epoch that was best on the test set. The lines with zeros lost repeat an error that we presume in
    the source; it has none of the name.

    References
    ----------
    Seed 003, Lab 3 (d) and (e).
    """
    frame = points.frame([run for run in inputs.runs if run.record.experiment == LAB3])
    rows, body = [], []
    for values, row in (_start(inputs, frame), *_lines(inputs, frame)):
        rows.append(values)
        body.append(row)
    return Table(pd.DataFrame(rows), COLUMNS, HEADER, tuple(body), _notes(inputs, frame))


def _start(inputs: Inputs, frame: pd.DataFrame) -> tuple[dict[str, Any], Row]:
    accuracy, zeros = (
        points.started(frame, SPARSE, column) for column in (points.ACCURACY, "zeros_percent")
    )
    printed = lab_rows.printed_percent(inputs, "lab2_e")
    values = {"arm": SPARSE, "bits": "float", "printed_without_finetuning_percent": printed}
    values |= lab_rows.measured("without_finetuning_accuracy_percent", accuracy)
    values |= lab_rows.measured("without_finetuning_zeros_percent", zeros)
    cells = (
        layout.number(summary(zeros).mean), layout.spread(summary(accuracy)), layout.number(printed),
    )  # fmt: skip
    return values, Row(("sparse, of Lab 2 (e)", "float", *cells, *[layout.NONE] * 5))


def _lines(inputs: Inputs, frame: pd.DataFrame) -> list[tuple[dict[str, Any], Row]]:
    return [
        _line(inputs, frame, line, name if number == 0 else "")
        for name, lines in _GROUPS.items()
        for number, line in enumerate(lines)
    ]


def _line(
    inputs: Inputs, frame: pd.DataFrame, line: _Line, name: str
) -> tuple[dict[str, Any], Row]:
    where = LAB3, line.arm, AT_ONCE
    before = points.pick(frame, *where, bits=line.bits)
    zeros = points.pick(frame, *where, "zeros_percent", bits=line.bits)
    printed = [lab_rows.printed_percent(inputs, entry) for entry in line.printed]
    values: dict[str, Any] = {"arm": line.arm, "bits": str(line.bits)}
    values |= lab_rows.measured("without_finetuning_accuracy_percent", before)
    values |= lab_rows.counted(frame, AT_ONCE, *where, bits=line.bits)
    values |= lab_rows.measured("without_finetuning_zeros_percent", zeros)
    values["printed_without_finetuning_percent"] = printed[0]
    cells = [
        name, str(line.bits), layout.number(summary(zeros).mean), layout.spread(summary(before)),
        layout.number(printed[0]),
    ]  # fmt: skip
    values["printed_finetuned_percent"] = printed[1]
    if not line.finetuned:
        values["finetuned_zeros_percent_mean"] = np.nan
        return values, Row((*cells, *[layout.NONE] * 5), rule_above=bool(name))
    zeros = points.pick(frame, LAB3, line.arm, "last", "zeros_percent")
    values |= lab_rows.measured("finetuned_zeros_percent", zeros)
    more, accuracies = lab_rows.finetuned(frame, LAB3, line.arm)
    cells += [layout.number(summary(zeros).mean), *accuracies, layout.number(printed[1])]
    return values | more, Row(tuple(cells), rule_above=bool(name))


def _verdict(frame: pd.DataFrame) -> str:
    said = {
        "explains": "only the network that lost its zeros fails",
        "both_fail": "both fail",
        "both_work": "neither fails",
        "only_kept_fails": "only the network that kept its zeros fails",
    }
    judged = points.zeros_lost(frame)
    if not judged:
        return f"The two were {layout.NOT_RUN} side by side at this scale."
    parts = "; ".join(f"at {item.bits} bits {said[item.verdict]}" for item in judged)
    return f"Without fine-tuning, {parts} (to fail: at most twice the accuracy of chance)."


def _notes(inputs: Inputs, frame: pd.DataFrame) -> tuple[str, ...]:
    return (
        lab_rows.ran(inputs, LAB3),
        "Test accuracy; zeros: share of the prunable weights as the layers use them. Zeros lost: the "
        "quantizer moves pruned weights to the nearest level, which we presume to be why the source is "
        f"at chance before fine-tuning. {_verdict(frame)}",
        "(e): pruned over all layers in steps, quantized all along; without fine-tuning it is pruned at "
        "once, which the source does not print.",
        lab_rows.source(inputs),
    )
