"""Two arms of each network, paired by seed, and what their difference lets one say."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd

from partial_backprop import labels
from partial_backprop.frames.aggregate import by_seed
from partial_backprop.intervals import Difference, paired_difference
from partial_backprop.paper.numbers import difference, listing, plural
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


def verdict(value: Difference) -> str:
    """Judge a difference by its 95 % interval.

    Parameters
    ----------
    value : Difference
        Mean and interval.

    Returns
    -------
    {"lower", "higher", "unresolved", "single"}
        Below zero, above it, or holding it; ``single`` where one pair gives no interval.
    """
    if math.isnan(value.low):
        return "single"
    if value.high < 0:
        return "lower"
    return "higher" if value.low > 0 else "unresolved"


def grouped(
    compared: Sequence[Compared], judge: Callable[[Difference], str] = verdict
) -> dict[str, list[Compared]]:
    """Sort networks by the verdict on them.

    Parameters
    ----------
    compared : sequence of Compared
        Networks.
    judge : callable
        From a difference to a verdict.

    Returns
    -------
    dict
        Verdict -> its networks, in their order; verdicts that no network has are absent.
    """
    groups: dict[str, list[Compared]] = {}
    for item in compared:
        groups.setdefault(judge(item.difference), []).append(item)
    return groups


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


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def in_words(compared: Sequence[Compared], arm: str, base: str) -> Tex:
    """Say of each network how two arms compare in accuracy, grouped by verdict.

    Parameters
    ----------
    compared : sequence of Compared
        From `compare`.
    arm, base : str
        Names of the two in the sentence.

    Returns
    -------
    Tex
        One sentence a verdict; differences in percentage points.
    """
    if not compared:
        return Tex(f"The comparison of {arm} with {base} was {NOT_RUN} at this scale.")
    text = []
    for key, group in grouped(compared).items():
        where = with_differences(group)
        if key == "single":
            text.append(f"{where}: {arm} minus {base} on one seed, which gives no interval.")
        elif key == "unresolved":
            seeds = plural(max(item.difference.n for item in group), "paired seed")
            text.append(
                rf"\emph{{{_upper(arm)} cannot be told from {base}}} with {seeds} on {where}: "
                f"{'the interval contains' if len(group) == 1 else 'each interval contains'} zero."
            )
        else:
            less = "less" if key == "lower" else "more"
            text.append(
                rf"\emph{{{_upper(arm)} is {less} accurate than {base}}} on {where}: "
                f"{'the interval excludes' if len(group) == 1 else 'each interval excludes'} zero."
            )
    return Tex(" ".join(text))
