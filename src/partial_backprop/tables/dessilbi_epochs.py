"""Density and sparse accuracy on the way along a path: what tables 3 and 5 have in common."""

from typing import Any

import pandas as pd

from partial_backprop.frames import inclusion_arms, inclusion_frames
from partial_backprop.frames.inclusion_arms import TUNED
from partial_backprop.frames.inclusion_frames import FRACTIONS
from partial_backprop.inputs import Inputs
from partial_backprop.tables import dessilbi_best, dessilbi_rows
from partial_backprop.tables.layout import Cell, Row, Table

_UNKNOWN = ("T/8", "T/4", "T/2", "T")
"""How the epochs are called where no path tells their numbers, or networks differ."""


def build(inputs: Inputs, which: str, table: int) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of the experiments on κ and ν.
    which : {"kappa", "nu"}
        What differs from line to line.
    table : int
        Number of the source's table.

    Returns
    -------
    Table
        One line a network and value: at four epochs, what share of the weights is non-zero, and the
        test accuracy of the sparse network.
    """
    found = inclusion_frames.varied(inputs.runs, which)
    rows, body = [], []
    n_columns = 2 + 2 * len(FRACTIONS)
    for network in TUNED:
        own = found[found["network"].eq(network)]
        for value, head in dessilbi_best.heads(own, which, network):
            more, cells = _line(own[own[which].eq(value)])
            rows += [{"network": network, which: value} | row for row in more]
            body.append(Row((*head, *cells), rule_above=bool(body) and bool(head[0])))
        body += dessilbi_best.absent(own, network, n_columns)
    header = (
        Row(("", "", *(Cell(name, 2) for name in _epochs(found)))),
        Row(("Network", dessilbi_best.SIGNS[which], *("non-zero", "acc.") * len(FRACTIONS))),
    )
    frame = pd.DataFrame(rows, columns=None if rows else ["network", which])
    columns = "lr" + "rr" * len(FRACTIONS)
    return Table(frame, columns, header, tuple(body), _notes(inputs, found, which, table))


def _lengths(found: pd.DataFrame) -> dict[str, int]:
    return {
        str(network): int(after)
        for network, after in found.groupby("network", sort=False)["after"].max().items()
    }


def _epochs(found: pd.DataFrame) -> tuple[str, ...]:
    lengths = set(_lengths(found).values())
    if len(lengths) != 1:
        return _UNKNOWN
    return tuple(f"epoch {after}" for after in inclusion_frames.readings(lengths.pop()))


def _line(own: pd.DataFrame) -> tuple[list[dict[str, Any]], list[str]]:
    rows, cells = [], []
    readings = inclusion_frames.readings(int(own["after"].max()))
    for fraction, after in zip(FRACTIONS, readings, strict=True):
        here = own[own["after"].eq(after)].set_index("seed").sort_index()
        row = {"fraction": fraction, "after": after}
        row |= dessilbi_rows.counts(
            here, "n_nonzero", "n_weights", "sparse_test_n_correct", "sparse_test_n_examples"
        )
        density, share = dessilbi_rows.cell("density_percent", here["density_percent"])
        accuracy, text = dessilbi_rows.cell("accuracy_percent", here["sparse_test_percent"])
        rows.append(row | density | accuracy)
        cells += [share, text]
    return rows, cells


def _notes(inputs: Inputs, found: pd.DataFrame, which: str, table: int) -> tuple[str, ...]:
    notes = dessilbi_best.notes(inputs, found, which, table)
    lengths = _lengths(found)
    told = "Epochs at an eighth, a quarter, a half and the end of the training, as the source's."
    if len(set(lengths.values())) > 1:
        each = ", ".join(f"{inclusion_arms.title(name)}: {n}" for name, n in lengths.items())
        told += f" T, the epochs of the training, is {each}."
    what = f"{dessilbi_rows.DENSITY_NOTE} Acc.: test accuracy (%) of the sparse network. {told}"
    return (*notes[:-1], what, notes[-1])
