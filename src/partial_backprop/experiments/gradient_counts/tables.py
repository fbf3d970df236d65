"""Rows of the table of zeroed gradients: layers, and the source's sums beside the right ones."""

import math
from typing import Any

from partial_backprop import facts, folders, labels
from partial_backprop.experiments.gradient_counts import results as gradient_counts
from partial_backprop.experiments.gradient_counts.gradient_arithmetic import Line, arithmetic, lines
from partial_backprop.report import layout
from partial_backprop.report.layout import Cell
from partial_backprop.report.rows import TOTAL
from partial_backprop.report.tables import Context

ARMS = folders.about("gradient_counts").arms


def layers(context: Context) -> list[dict[str, Any]]:
    """List the layers of the first arm that ran, and all of them together."""
    found = gradient_counts.by_arm(run.record for run in context.results.runs)
    if not found:
        return []
    shown = "threshold" if "threshold" in found else next(iter(found))
    rows = [
        {
            "name": layer.name,
            "indices": f"{layer.first_index}–{layer.last_index}",
            "first": float(layer.first_index),
            "last": float(layer.last_index),
        }
        for layer in gradient_counts.layers(found[shown])
    ]
    rows.append({"name": TOTAL, "first": math.nan, "last": math.nan, "rule": True})
    return [row | {"at": {"arm": shown, "layer": row["name"]}} for row in rows]


def sums(context: Context) -> list[dict[str, Any]]:
    """List the source's sums, at its network's size, as printed and corrected."""
    head = ("The source's sums, at its network's size", "Printed", "Corrected")
    rows: list[dict[str, Any]] = [{"cells": _three(*head), "italic": True}]
    for line in lines(arithmetic(context.inputs.reported)):
        printed = math.nan if line.printed is None else float(line.printed)
        csv = {"name": line.quantity, "is_percent": line.is_percent, "printed": printed}
        csv["corrected"] = float(line.corrected)
        cells = _three(line.quantity, _value(line, printed, 1), _value(line, line.corrected, 2))
        rows.append({"cells": cells, "csv": csv, "rule": False})
    return rows


def _three(quantity: str, printed: str, corrected: str) -> tuple[Cell, ...]:
    return Cell(quantity, 4, "l"), Cell(printed, 2, "r"), Cell(corrected, 2, "r")


def _value(line: Line, value: float, decimals: int) -> str:
    if not line.is_percent:
        return layout.whole(value)
    return layout.NONE if math.isnan(value) else f"{layout.number(value, decimals)} %"


def words(context: Context) -> dict[str, str | None]:
    """Return the network, and the arms that did not run beside others."""
    title = labels.experiment(gradient_counts.EXPERIMENT)
    found = facts.of_runs(gradient_counts.EXPERIMENT, title, context.results.runs)
    own = {run.record.arm for run in context.results.runs}
    absent = "; ".join(name for arm, name in ARMS.items() if arm not in own)
    network = f"{found.name()}, counted while it was trained" if found else title
    return {"network": network, "absent": absent if found else None}
