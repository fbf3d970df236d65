"""What the tables of Labs 2 and 3 of sparse_homework show and no selection says."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from partial_backprop.report import layout
from partial_backprop.report.frame import select
from partial_backprop.report.rows import TOTAL
from partial_backprop.report.tables import Context

START = ("resnet20_pretraining", "float")
PRINTED = {
    "lab2_c": ("lab2_pruning", "finetune"),
    "lab2_d": ("lab2_pruning", "iterative"),
    "lab2_e": ("lab2_pruning", "iterative_global"),
    "lab3_e": ("lab3_quantization", "iterative_4bit"),
}
"""Entries of the printed lists -> experiment and arm that repeat each."""


def start(context: Context) -> str | None:
    """Say whose weights the labs start from; None where no record tells."""
    for run in context.inputs.runs:
        if run.key[:2] != START:
            continue
        taken = run.record.measurements.get("checkpoint")
        if isinstance(taken, Mapping):
            return f"the weights of the file {taken['file']}"
        if run.record.config.training is not None:
            return f"weights of our own training (epochs: {run.record.config.training.epochs})"
    return None


def layers(context: Context) -> list[dict[str, Any]]:
    """List the layers of which the source prints the zeros, and all of them together."""
    entries = context.inputs.reported.documents["003"].entries
    found = [name.removeprefix("lab2_e.") for name in entries if name.startswith("lab2_e.")]
    listed = [name for name in found if "." in name]
    return [
        {"name": name, "at": {"layer": name}, "rule": name == TOTAL} for name in [*listed, TOTAL]
    ]


def weights(context: Context, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Show the number of a layer's weights in any of the networks."""
    frame = context.results.frame
    own = frame[
        frame["metric"].eq("n_weights") & frame["layer"].eq(row["name"]) & frame["stage"].eq("last")
    ]
    counts = sorted({int(count) for count in own["value"]})
    shown = " or ".join(f"{count:,}" for count in counts) or layout.NONE
    return shown, {"n_weights": " ".join(map(str, counts))}


def same_share(context: Context, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Tell whether shares agree to the last digit, since both are a count divided by a count."""
    entries = context.inputs.reported.documents["003"].entries
    fields = {}
    for part, (experiment, arm) in PRINTED.items():
        at = context.where | {"experiment": experiment, "arm": arm}
        shares = select(context.results.frame, "zeros_share", **at)
        entry = entries.get(f"{part}.{row['name']}")
        printed = entry.values["sparsity"] if entry else np.nan
        fields[f"{part}_equal"] = bool(len(shares)) and bool((shares == printed).all())
    return "", fields
