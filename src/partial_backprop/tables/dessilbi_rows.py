"""What the tables of DessiLBI have in common: notes on what ran, and cells with their values."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from partial_backprop.facts import Facts, of_runs, sentences
from partial_backprop.frames import inclusion_arms
from partial_backprop.frames.inclusion_arms import SEED
from partial_backprop.inputs import Inputs, Run
from partial_backprop.intervals import summary
from partial_backprop.tables import lab_rows, layout

DENSITY_NOTE = (
    "Non-zero: weights in the support of Γ among all that have one, in percent; the source calls this "
    "sparsity."
)
SPARSE_NOTE = (
    "Full: the trained weights; sparse: the same weights with zeros outside the support of Γ, with no "
    "fine-tuning."
)
RULES = {
    "paper_protocol": "best on test",
    "best_on_validation": "best on val.",
    "last": "last",
}
"""Selection rule -> name in print; the first is that of the source's tables 2 and 4."""


def facts(runs: Iterable[Run], *experiments: str) -> list[Facts]:
    """Collect the facts of experiments.

    Parameters
    ----------
    runs : iterable of Run
        Runs of any experiments.
    *experiments : str
        Those that are meant, of one network each.

    Returns
    -------
    list of Facts
        One an experiment that ran; those that would read the same are told once.

    Raises
    ------
    UserError
        If runs of an experiment differ in size, data or epochs: they cannot stand in one table.
    """
    found = {}
    for experiment in experiments:
        own = inclusion_arms.of(runs, experiment)
        if own:
            one = of_runs(experiment, inclusion_arms.title(own[0].record.network.name), own)
            found.setdefault((one.who(), one.how()), one)
    return list(found.values())


def ran(inputs: Inputs, what: str, *experiments: str) -> str:
    """Say what ran, for the first note of a table.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments.
    what : str
        What the table is about, for the sentence that it did not run.
    *experiments : str
        Those of the table.

    Returns
    -------
    str
        The scale, and networks, data sets, epochs and seeds, or that nothing ran.
    """
    told = " ".join(sentences(facts(inputs.runs, *experiments)))
    text = told or f"{what} was {layout.NOT_RUN} at this scale."
    return f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {text}"


def cell(name: str, values: pd.Series, decimals: int = 2) -> tuple[dict[str, Any], str]:
    """Summarise one quantity over seeds.

    Parameters
    ----------
    name : str
        Of the quantity, with its unit.
    values : pandas.Series
        One value a seed.
    decimals : int
        Digits after the point in print.

    Returns
    -------
    dict, str
        Values for the CSV, and the cell.
    """
    return lab_rows.measured(name, values), layout.spread(summary(values), decimals)


def counts(found: pd.DataFrame, *columns: str) -> dict[str, str]:
    """Copy counts for the CSV.

    Parameters
    ----------
    found : pandas.DataFrame
        A row a seed.
    *columns : str
        Which.

    Returns
    -------
    dict
        Column -> its counts, one a seed, separated by blanks.
    """
    return {column: " ".join(str(int(count)) for count in found[column]) for column in columns}


def source(inputs: Inputs, table: int) -> str:
    """Say what of a table the source has.

    Parameters
    ----------
    inputs : Inputs
        For the document.
    table : int
        Number of the table.

    Returns
    -------
    str
        One sentence.
    """
    where = inputs.reported.documents[SEED].source
    return f"The source ({where}) has the caption of its table {table} and none of its numbers."
