"""Density of each layer at the end of a path: what tables 7, 8 and 9 have in common."""

from typing import Any

import pandas as pd

from partial_backprop.frames import inclusion_arms, inclusion_frames
from partial_backprop.frames.inclusion_arms import LAYERS, SEED
from partial_backprop.inputs import Inputs
from partial_backprop.tables import dessilbi_rows, layout
from partial_backprop.tables.layout import Row, Table

NONE_YET = "none yet"
"""Stands for the density of a layer that no group of Γ has entered: it is none of a sparse layer."""

NAMES = {
    "dessilbi_lenet3": ("FC1", "FC2", "FC3"),
    "dessilbi_conv2": ("Conv1", "Conv2", "FC1", "FC2", "FC3"),
    "dessilbi_conv4": ("Conv1", "Conv2", "Conv3", "Conv4", "FC1", "FC2", "FC3"),
}
"""Experiment -> its layers in the order of the network."""


def build(inputs: Inputs, experiment: str, table: int) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of the experiment, and the printed numbers.
    experiment : str
        One of `inclusion_arms.LAYERS`.
    table : int
        Number of the source's table.

    Returns
    -------
    Table
        A column a layer: its density after the last epoch, the number of its weights, and how many
        of them are not zero; the same of all layers; and the printed numbers, where there are any.
    """
    found = inclusion_frames.layers(inclusion_arms.of(inputs.runs, experiment))
    names = NAMES[experiment]
    measured = [_layer(found[found["title"].eq(name)], name) for name in names]
    waiting = list(dict.fromkeys(found.loc[found["n_ever"].eq(0), "title"]))
    measured.append(_layer(_whole(found), "all"))
    printed = [
        inclusion_arms.printed_layer(inputs.reported, table, name) for name in (*names, "all")
    ]
    rows = [
        values | {"printed_density": share, "printed_n_weights": n}
        for (values, _), (share, n) in zip(measured, printed, strict=True)
    ]
    body = [
        Row((label, *(cells[position] for _, cells in measured)))
        for position, label in enumerate(("Non-zero (%)", "Number of weights", "Non-zero weights"))
    ]
    if any(n == n for _, n in printed):
        shares = (layout.number(100 * share, 1) for share, _ in printed)
        body.append(Row(("printed (%)", *shares), italic=True, rule_above=True))
        body.append(Row(("printed weights", *(_integer(n) for _, n in printed)), italic=True))
    return Table(
        pd.DataFrame(rows),
        "l" + "r" * len(measured),
        (Row(("Layer", *names, "all")),),
        tuple(body),
        _notes(inputs, experiment, table, printed=len(body) > 3) + _waiting(found, waiting),
    )


def _waiting(found: pd.DataFrame, layers: list[str]) -> tuple[str, ...]:
    if not layers:
        return ()
    needed = found["norm_to_enter"].min()
    return (
        f"{NONE_YET}: the path is too short for {', '.join(layers)}, and says nothing of their density. To "
        f"enter by its end, a group of weights must have reached a norm of {needed:.2g}.",
    )


def _integer(value: float) -> str:
    return layout.NONE if value != value else f"{value:,.0f}"


def _whole(found: pd.DataFrame) -> pd.DataFrame:
    summed = found.groupby("seed", as_index=False)[["n_weights", "n_nonzero"]].sum()
    return summed.assign(density_percent=100 * summed["n_nonzero"] / summed["n_weights"])


def _layer(found: pd.DataFrame, name: str) -> tuple[dict[str, Any], tuple[str, str, str]]:
    found = found.set_index("seed").sort_index()
    values = {"layer": name} | dessilbi_rows.counts(found, "n_weights", "n_nonzero")
    more, share = dessilbi_rows.cell("density_percent", found["density_percent"].astype(float))
    n_weights = " or ".join(sorted({f"{count:,}" for count in found["n_weights"]}))
    left = _integer(found["n_nonzero"].mean())
    if "n_ever" in found and len(found):
        values["n_ever"] = " ".join(str(int(n)) for n in found["n_ever"])
        share = share if found["n_ever"].any() else NONE_YET
    return values | more, (share, n_weights or layout.NONE, left)


def _notes(inputs: Inputs, experiment: str, table: int, *, printed: bool) -> tuple[str, ...]:
    notes = [dessilbi_rows.ran(inputs, LAYERS[experiment], experiment), dessilbi_rows.DENSITY_NOTE]
    notes[1] += " After the last epoch; with several seeds: mean ± sample standard deviation."
    if printed:
        where = inputs.reported.documents[SEED].source
        notes.append(
            f"Printed: in the source ({where}), whose first density has lost its point. It names neither "
            "epochs nor κ, ν and λ."
        )
    else:
        notes.append(dessilbi_rows.source(inputs, table))
    return tuple(notes)
