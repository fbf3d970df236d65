"""Pruning ResNet-20: accuracy by sparsity and method (seed 003, Lab 2)."""

from typing import Any, NamedTuple

import pandas as pd

from partial_backprop import labels
from partial_backprop.frames import points
from partial_backprop.frames.points import AT_ONCE, LAB2
from partial_backprop.inputs import Inputs
from partial_backprop.intervals import summary
from partial_backprop.tables import lab_rows, layout
from partial_backprop.tables.layout import Cell, Row, Table

COLUMNS = "llrrrrrr"
HEADER = (
    Row(("", "", "Zeros", Cell("Test accuracy (%)", 3), "Change", "Printed")),
    Row(("Part", "Network", "(%)", *lab_rows.RULE_NAMES, "(points)", "(%)")),
)


class _Line(NamedTuple):
    part: str
    arm: str
    sparsity: float | None
    """Share pruned at once; None for the fine-tuned network."""
    name: str
    printed: str | None
    """Entry of the printed accuracy."""


SPARSITIES = (0.4, 0.6, 0.8)
"""Shares pruned at once (seed 003, Lab 2 (b))."""

_LINES = (
    *(
        _Line("(b)", "finetune", share, f"{100 * share:.0f} % layer by layer", f"lab2_b.{share:g}")
        for share in SPARSITIES
    ),
    *(
        _Line("", "iterative_global", share, f"{100 * share:.0f} % over all layers", None)
        for share in SPARSITIES
    ),
    *(
        _Line(f"({letter})", arm, None, name, f"lab2_{letter}")
        for letter, (arm, name) in zip("cde", labels.LAB2.items(), strict=True)
    ),
)


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``lab2_pruning``, and the printed numbers.

    Returns
    -------
    Table
        One line for the trained network, each share pruned at once, and each way to fine-tune.

    Notes
    -----
    Pruning over all layers without fine-tuning is not in the source.

    References
    ----------
    Seed 003, Lab 2 (a) to (e).
    """
    frame = points.frame([run for run in inputs.runs if run.record.experiment == LAB2])
    base = points.started(frame)
    rows, body = [_float(inputs, base)[0]], [_float(inputs, base)[1]]
    heads = {0: "Pruned at once, without fine-tuning", 6: "Pruned and fine-tuned"}
    for number, line in enumerate(_LINES):
        if number in heads:
            body.append(
                Row((Cell(heads[number], len(COLUMNS), "l"),), italic=True, rule_above=True)
            )
        values, row = _row(inputs, frame, base, line)
        rows.append(values)
        body.append(row)
    return Table(pd.DataFrame(rows), COLUMNS, HEADER, tuple(body), _notes(inputs))


def _float(inputs: Inputs, base: pd.Series) -> tuple[dict[str, Any], Row]:
    printed = lab_rows.printed_percent(inputs, "lab2_a")
    values = {"part": "(a)", "arm": "float", "sparsity_asked": 0.0, "printed_percent": printed}
    values |= lab_rows.measured("without_finetuning_accuracy_percent", base)
    accuracy = Cell(layout.spread(summary(base)), 3)
    cells = ("(a)", "floating point", layout.NONE, accuracy, layout.NONE, layout.number(printed))
    return values, Row(cells)


def _row(
    inputs: Inputs, frame: pd.DataFrame, base: pd.Series, line: _Line
) -> tuple[dict[str, Any], Row]:
    printed = lab_rows.printed_percent(inputs, line.printed)
    values: dict[str, Any] = {"part": line.part, "arm": line.arm, "printed_percent": printed}
    stage = "last" if line.sparsity is None else AT_ONCE
    where, setting = (LAB2, line.arm, stage), {"sparsity": line.sparsity}
    asked, zeros, last = (
        points.pick(frame, *where, column, **setting)
        for column in ("sparsity", "zeros_percent", points.ACCURACY)
    )
    values["sparsity_asked"] = line.sparsity or summary(asked).mean
    values |= lab_rows.measured("zeros_percent", zeros)
    if line.sparsity is None:
        more, accuracies = lab_rows.finetuned(frame, LAB2, line.arm)
    else:
        more = lab_rows.measured("without_finetuning_accuracy_percent", last)
        more |= lab_rows.counted(frame, AT_ONCE, *where, **setting)
        accuracies = (Cell(layout.spread(summary(last)), 3),)
    changed, difference = lab_rows.change(base, last)
    name = line.name
    if line.sparsity is None and len(asked):
        name = f"{100 * asked.mean():.0f} % {name}"
    cells = (
        line.part, name, layout.number(summary(zeros).mean, 4), *accuracies, difference,
        layout.number(printed),
    )  # fmt: skip
    return values | more | changed, Row(cells)


def _notes(inputs: Inputs) -> tuple[str, ...]:
    return (
        lab_rows.ran(inputs, LAB2),
        "Zeros: measured share of the prunable weights, which are all of the convolutions and of the "
        "linear layer but for the two of the shortcuts. Change: to the network in floating point, at "
        "the last epoch. In steps: the share grows before each of the first epochs, and pruned weights may "
        "recover until the last step; an epoch is chosen among those at the final share. With several "
        "seeds: mean ± sample standard deviation.",
        lab_rows.source(inputs),
    )
