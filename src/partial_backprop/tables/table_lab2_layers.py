"""Zeros of each layer of the pruned ResNet-20, beside the printed ones (seed 003, Labs 2 and 3)."""

from typing import Any

import numpy as np
import pandas as pd

from partial_backprop.frames import points
from partial_backprop.frames.points import LAB2, LAB3
from partial_backprop.inputs import Inputs
from partial_backprop.reported import Reported
from partial_backprop.tables import lab_rows, layout
from partial_backprop.tables.layout import Cell, Row, Table

ARMS = {
    "lab2_c": (LAB2, "finetune"),
    "lab2_d": (LAB2, "iterative"),
    "lab2_e": (LAB2, "iterative_global"),
    "lab3_e": (LAB3, "iterative_4bit"),
}
"""Entries of the printed lists -> the arm that repeats each."""

TOTAL = "total"
COLUMNS = "lrrrrrrrrr"
HEADER = (
    Row(("", "", Cell("Measured zeros (%)", 4), Cell("Printed zeros (%)", 4))),
    Row(("Layer", "Weights", *("2 (c)", "2 (d)", "2 (e)", "3 (e)") * 2)),
)


def layer_names(reported: Reported) -> list[str]:
    """List the layers of which the seed prints the sparsity.

    Parameters
    ----------
    reported : Reported
        Numbers printed in the sources.

    Returns
    -------
    list of str
        Names of the modules that hold the weights, in the order of the network.
    """
    entries = reported.documents[lab_rows.SEED].entries
    found = [name.removeprefix("lab2_e.") for name in entries if name.startswith("lab2_e.")]
    return [name for name in found if "." in name]


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``lab2_pruning`` and ``lab3_quantization``, and the printed numbers.

    Returns
    -------
    Table
        One line a layer, and one for all of them.

    References
    ----------
    Seed 003, the listings of Lab 2 (c), (d) and (e) and of Lab 3 (e).
    """
    layers = points.layers(inputs.runs)
    layers = layers[layers["stage"].eq("last") & layers["prunable"].eq(True)]
    counts = layers.groupby(["experiment", "arm", "seed"], as_index=False)
    totals = counts[["n_weights", "n_zeros"]].sum().assign(name=TOTAL)
    layers = pd.concat([layers, totals], ignore_index=True) if len(layers) else layers
    rows = [_row(inputs, layers, name) for name in [*layer_names(inputs.reported), TOTAL]]
    body = [Row(_cells(values), rule_above=values["layer"] == TOTAL) for values in rows]
    return Table(pd.DataFrame(rows), COLUMNS, HEADER, tuple(body), _notes(inputs, rows))


def _row(inputs: Inputs, layers: pd.DataFrame, name: str) -> dict[str, Any]:
    of_layer = layers[layers["name"].eq(name)]
    n_weights = sorted(set(of_layer["n_weights"]))
    values: dict[str, Any] = {"layer": name, "n_weights": " ".join(map(str, n_weights))}
    entries = inputs.reported.documents[lab_rows.SEED].entries
    for part, (experiment, arm) in ARMS.items():
        found = of_layer[of_layer["experiment"].eq(experiment) & of_layer["arm"].eq(arm)]
        shares = found["n_zeros"].astype(float) / found["n_weights"].astype(float)
        entry = entries.get(f"{part}.{name}")
        printed = entry.values["sparsity"] if entry else np.nan
        values[f"{part}_n_zeros"] = " ".join(map(str, found["n_zeros"]))
        values[f"{part}_zeros_share_mean"] = float(shares.mean()) if len(shares) else np.nan
        values[f"{part}_printed_share"] = printed
        # To the last digit: both are a count divided by a count.
        values[f"{part}_equal"] = bool(len(shares)) and bool((shares == printed).all())
    return values


def _cells(values: dict[str, Any]) -> tuple[str, ...]:
    weights = [f"{int(count):,}" for count in values["n_weights"].split()]
    shares = (
        layout.number(100 * values[f"{part}_{kind}"], 3)
        for kind in ("zeros_share_mean", "printed_share")
        for part in ARMS
    )
    return (values["layer"], " or ".join(weights) or layout.NONE, *shares)


def _notes(inputs: Inputs, rows: list[dict[str, Any]]) -> tuple[str, ...]:
    listed = [values for values in rows if values["layer"] != TOTAL]
    equal = {part: sum(values[f"{part}_equal"] for values in listed) for part in ARMS}
    titles = dict(zip(ARMS, ("2 (c)", "2 (d)", "2 (e)", "3 (e)"), strict=True))
    ran = [part for part in ARMS if not np.isnan(rows[0][f"{part}_zeros_share_mean"])]
    agree = "; ".join(f"{titles[part]} in {equal[part]} of {len(listed)} layers" for part in ran)
    compared = f"Equal to the printed share in its last digit: {agree}. " if ran else ""
    return (
        lab_rows.ran(inputs, LAB2, LAB3),
        "Columns: 2 (c) pruned layer by layer at once, 2 (d) layer by layer in steps, 2 (e) over all "
        "layers in steps, 3 (e) the same under few bits; after the last epoch, means over seeds.",
        f"{compared}Layer by layer the share depends on the number of weights alone. The shortcuts' "
        "two convolutions are never pruned and do not count. For 2 (c) and 2 (d) the source prints no "
        "total.",
    )
