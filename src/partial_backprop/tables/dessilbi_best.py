"""Full and sparse accuracy against one hyperparameter: what tables 2 and 4 have in common."""

from typing import Any

import pandas as pd

from partial_backprop.frames import inclusion_arms, inclusion_frames
from partial_backprop.frames.inclusion_arms import TUNED
from partial_backprop.inputs import Inputs
from partial_backprop.tables import dessilbi_rows, layout
from partial_backprop.tables.dessilbi_rows import RULES
from partial_backprop.tables.layout import Cell, Row, Table

SIGNS = {"kappa": "κ", "nu": "ν"}
OTHER = {"kappa": "nu", "nu": "kappa"}
KINDS = ("full", "sparse")


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
        One line a network and value, with the test accuracy of the full and of the sparse network at
        three choices of the epoch, each made by the accuracy that it is for.
    """
    found = inclusion_frames.varied(inputs.runs, which)
    rows, body = [], []
    for network in TUNED:
        own = found[found["network"].eq(network)]
        for value, head in heads(own, which, network):
            cells = []
            for kind in KINDS:
                for rule in RULES:
                    values, text = _accuracy(own[own[which].eq(value)], kind, rule)
                    rows.append({"network": network, which: value} | values)
                    cells.append(text)
            body.append(Row((*head, *cells), rule_above=bool(body) and bool(head[0])))
        body += absent(own, network, 2 + len(KINDS) * len(RULES))
    header = (
        Row(("", "", *(Cell(f"{kind.capitalize()} (%)", len(RULES)) for kind in KINDS))),
        Row(("Network", SIGNS[which], *[*RULES.values()] * len(KINDS))),
    )
    frame = pd.DataFrame(rows, columns=None if rows else ["network", which])
    columns = "lr" + "r" * len(KINDS) * len(RULES)
    return Table(frame, columns, header, tuple(body), notes(inputs, found, which, table))


def heads(own: pd.DataFrame, which: str, network: str) -> list[tuple[float, tuple[str, str]]]:
    """Begin the lines of a network.

    Parameters
    ----------
    own : pandas.DataFrame
        Paths of one network, from `inclusion_frames.varied`.
    which : {"kappa", "nu"}
        What differs from line to line.
    network : str
        Module in ``networks``.

    Returns
    -------
    list of (float, (str, str))
        Each value with the first two cells of its line: the network stands in the first one only.
    """
    values = sorted(own[which].unique())
    title = inclusion_arms.title(network)
    return [(value, ("" if number else title, f"{value:g}")) for number, value in enumerate(values)]


def absent(own: pd.DataFrame, network: str, n_columns: int) -> list[Row]:
    """Say that a network of the source's tables did not run.

    Parameters
    ----------
    own : pandas.DataFrame
        Paths of the network; may be empty.
    network : str
        Module in ``networks``.
    n_columns : int
        Columns of the table, 3 or more.

    Returns
    -------
    list of Row
        One line, or none if it did run.
    """
    if len(own):
        return []
    said = Cell(layout.NOT_RUN, n_columns - 1, "l")
    return [Row((inclusion_arms.title(network), said))]


def notes(inputs: Inputs, found: pd.DataFrame, which: str, table: int) -> tuple[str, ...]:
    """Say what ran, what was held fixed and what the words mean.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments.
    found : pandas.DataFrame
        From `inclusion_frames.varied`.
    which : {"kappa", "nu"}
        What differs.
    table : int
        Number of the source's table.

    Returns
    -------
    tuple of str
        Notes of a table.
    """
    sign, other = SIGNS[which], SIGNS[OTHER[which]]
    told = [dessilbi_rows.ran(inputs, f"The experiment on {sign}", *TUNED.values())]
    fixed = found.groupby("network", sort=False)[OTHER[which]].first()
    if len(fixed):
        held = (
            f"{other} = {fixed.iloc[0]:g}"
            if fixed.nunique() == 1
            else ", ".join(
                f"{other} = {value:g} for {inclusion_arms.title(network)}"
                for network, value in fixed.items()
            )
        )
        told.append(
            f"{held}. {dessilbi_rows.SPARSE_NOTE} Test accuracy; with several seeds: mean ± sample "
            "standard deviation."
        )
    return (*told, dessilbi_rows.source(inputs, table))


def _accuracy(own: pd.DataFrame, kind: str, rule: str) -> tuple[dict[str, Any], str]:
    here = inclusion_frames.chosen(own, kind, rule).set_index("seed").sort_index()
    named = here.rename(columns=lambda name: name.removeprefix(f"{kind}_"))
    values = {"weights": kind, "rule": rule}
    values |= dessilbi_rows.counts(named, "after", "test_n_correct", "test_n_examples")
    accuracy, text = dessilbi_rows.cell("accuracy_percent", named["test_percent"])
    density, _ = dessilbi_rows.cell("density_percent", named["density_percent"])
    return values | accuracy | density, text
