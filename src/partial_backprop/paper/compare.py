"""Two arms of each network, paired by seed."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from partial_backprop import labels
from partial_backprop.frames.aggregate import by_seed
from partial_backprop.intervals import Difference, paired_difference
from partial_backprop.paper.numbers import difference, listing
from partial_backprop.paper.text import Tex, escape

ACCURACY = "test_accuracy_percent"
NOT_RUN = "not run"


class Compared(NamedTuple):
    """Two arms of one network."""

    experiment: str
    name: Tex
    """Network and data set in print."""
    difference: Difference


def name(frame: pd.DataFrame, experiment: str) -> Tex:
    """Name the network of an experiment and the data set that ran.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `aggregate.runs_frame`.
    experiment : str
        Its key.

    Returns
    -------
    Tex
        Such as ``LeNet-5 on digits``; the network alone where nothing ran.
    """
    network = escape(labels.CNNS.get(experiment, experiment))
    if frame.empty or not (frame["experiment"] == experiment).any():
        return network
    data = frame.loc[frame["experiment"] == experiment, "data"].iloc[0]
    return Tex(f"{network} on {escape(labels.data(data))}")


def by_arm(
    frame: pd.DataFrame, arm: str, column: str = ACCURACY, rule: str = "last"
) -> dict[str, float]:
    """Average a quantity of an arm over seeds.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `aggregate.runs_frame`; may be empty.
    arm, column : str
        What to average.
    rule : {"last", "best_on_validation", "paper_protocol"}
        How the epoch was chosen.

    Returns
    -------
    dict
        Experiment -> mean, for the experiments that ran the arm, in the order of Table 1.
    """
    values = {name: by_seed(frame, name, arm, column, rule) for name in labels.CNNS}
    return {name: float(of_arm.mean()) for name, of_arm in values.items() if len(of_arm)}


def compare(
    frame: pd.DataFrame, arm: str, base: str, rule: str = "last", column: str = ACCURACY
) -> list[Compared]:
    """Compare two arms of every network that ran both.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `aggregate.runs_frame`; may be empty.
    arm, base : str
        The difference is `arm` minus `base`, seed by seed.
    rule : {"last", "best_on_validation", "paper_protocol"}
        How the epoch was chosen.
    column : str
        Quantity.

    Returns
    -------
    list of Compared
        In the order of Table 1.
    """
    found = []
    for experiment in labels.CNNS:
        sides = (by_seed(frame, experiment, side, column, rule) for side in (base, arm))
        between = paired_difference(*sides)
        if between.n:
            found.append(Compared(experiment, name(frame, experiment), between))
    return found


def with_differences(group: Sequence[Compared]) -> Tex:
    """List networks with their differences.

    Parameters
    ----------
    group : sequence of Compared
        At least one.

    Returns
    -------
    Tex
        Such as ``LeNet-5 on digits (-0.1 [-0.3, 0.1])``.
    """
    return listing([Tex(f"{item.name} ({difference(item.difference)})") for item in group])


def in_words(compared: Sequence[Compared], arm: str, base: str) -> Tex:
    """Say by how much two arms of each network differ in accuracy; what that means the claims' rules say.

    Parameters
    ----------
    compared : sequence of Compared
        From `compare`.
    arm, base : str
        Names of the two in the sentence.

    Returns
    -------
    Tex
        One sentence; differences in percentage points.
    """
    if not compared:
        return Tex(f"The comparison of {arm} with {base} was {NOT_RUN} at this scale.")
    return Tex(f"{arm[:1].upper()}{arm[1:]} minus {base}: {with_differences(compared)}.")
