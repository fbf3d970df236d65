"""What the tables of Labs 2 and 3 have in common: cells of accuracies, printed numbers, notes."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from partial_backprop import labels
from partial_backprop.facts import of_runs, sentences
from partial_backprop.frames import points
from partial_backprop.inputs import Inputs
from partial_backprop.intervals import paired_difference, summary
from partial_backprop.tables import layout

SEED = "003"
RULES = ("last", "best_on_validation", "paper_protocol")
"""Selection rules in the order of their columns."""

RULE_NAMES = ("last epoch", "best on val.", "best on test")


def measured(name: str, values: pd.Series) -> dict[str, Any]:
    """Summarise one quantity for the CSV.

    Parameters
    ----------
    name : str
        Of the quantity, with its unit.
    values : pandas.Series
        One value a seed.

    Returns
    -------
    dict
        Mean, sample standard deviation and number of seeds.
    """
    mean, std, n = summary(values)
    return {f"{name}_mean": mean, f"{name}_std": std, f"{name}_n_seeds": n}


def counted(frame: pd.DataFrame, name: str, *where: str, **setting: Any) -> dict[str, str]:
    """Copy the counts behind an accuracy for the CSV.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `points.frame`.
    name : str
        Prefix of the columns.
    *where : str
        Experiment, arm and stage.
    **setting
        Sparsity and bits (see `points.pick`).

    Returns
    -------
    dict
        Numbers correct and of examples, one a seed, separated by blanks.
    """
    columns = ("test_n_correct", "test_n_examples")
    return {
        f"{name}_{column}": " ".join(
            str(int(value)) for value in points.pick(frame, *where, column, **setting)
        )
        for column in columns
    }


def finetuned(
    frame: pd.DataFrame, experiment: str, arm: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Collect an arm's accuracies after fine-tuning.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `points.frame`.
    experiment, arm : str
        The arm.

    Returns
    -------
    dict, tuple of str
        Values for the CSV, and a cell for each of `RULES`.
    """
    values: dict[str, Any] = {}
    cells = []
    for rule in RULES:
        accuracy = points.pick(frame, experiment, arm, rule)
        values |= measured(f"{rule}_accuracy_percent", accuracy)
        values |= counted(frame, rule, experiment, arm, rule)
        cells.append(layout.spread(summary(accuracy)))
    return values, tuple(cells)


def change(base: pd.Series, accuracy: pd.Series) -> tuple[dict[str, Any], str]:
    """Compare an accuracy with that of a starting network, seed by seed.

    Parameters
    ----------
    base, accuracy : pandas.Series
        Percent, indexed by seed.

    Returns
    -------
    dict, str
        Values for the CSV, and a cell with the mean difference, its sign shown.
    """
    difference = paired_difference(base, accuracy)
    names = ("mean", "low", "high")
    values = {f"change_points_{name}": getattr(difference, name) for name in names}
    text = layout.number(difference.mean)
    return values, f"+{text}" if difference.mean > 0 and text.strip("0.") else text


def printed_percent(inputs: Inputs, name: str | None) -> float:
    """Return an accuracy or a share that the seed prints, in percent.

    Parameters
    ----------
    inputs : Inputs
        For the printed numbers.
    name : str or None
        Entry of document 003; None where it prints none.

    Returns
    -------
    float
        Percent; NaN for None.
    """
    if name is None:
        return float("nan")
    values = inputs.reported.entry(SEED, name).values
    return 100 * values["test_accuracy" if "test_accuracy" in values else "sparsity"]


def origin(inputs: Inputs) -> str:
    """Say where the weights that the labs start from come from.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments.

    Returns
    -------
    str
        One sentence.
    """
    experiment, arm = points.PRETRAINED.split("/")
    for run in inputs.runs:
        if (run.record.experiment, run.record.arm) != (experiment, arm):
            continue
        taken = run.record.measurements.get("checkpoint")
        if isinstance(taken, Mapping):
            return f"The labs start from weights of the file {taken['file']}."
        if run.record.config.training is not None:
            epochs = run.record.config.training.epochs
            noun = "epoch" if epochs == 1 else "epochs"
            return f"The labs start from weights that we trained for {epochs} {noun}."
    return "The source's trained weights are not public."


def ran(inputs: Inputs, *experiments: str) -> str:
    """Say what ran, for the first note of a table.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments.
    *experiments : str
        Those of the table.

    Returns
    -------
    str
        The scale, and network, data set, epochs and seeds, or that nothing ran.
    """
    network = labels.LAB_NETWORK
    found = [of_runs(name, network, inputs.runs) for name in experiments]
    # Labs of one network on the same data are told once.
    told = sentences({(of.who(), of.how()): of for of in found if of is not None}.values())
    text = " ".join(told) if told else f"{network} was {layout.NOT_RUN} at this scale."
    start = f" {origin(inputs)}" if told else ""
    return f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {text}{start}"


def source(inputs: Inputs) -> str:
    """Say where the printed numbers stand.

    Parameters
    ----------
    inputs : Inputs
        For the document.

    Returns
    -------
    str
        One sentence.
    """
    return (
        f"Printed: in the source ({inputs.reported.documents[SEED].source}), from one run on weights "
        "and data that it does not name; after fine-tuning its numbers are those of the epoch that is "
        "best on the test set."
    )
