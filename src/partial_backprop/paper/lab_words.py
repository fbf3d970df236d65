"""How the sections on Labs 2 and 3 speak of accuracies, and of differences between arms.

Most arms of the labs run on one seed. A difference is then set beside the error that the size of the
test set alone leaves; with several seeds it has Student's interval, as everywhere in the article.
"""

import math

import pandas as pd

from partial_backprop.intervals import paired_difference, summary
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.numbers import decimal, difference, percent, plural, points
from partial_backprop.paper.text import Tex
from partial_backprop.reported import Reported

SEED = "003"
_NORMAL_975 = 1.959964
"""Quantile of the normal distribution for a two-sided 95 % interval."""


def accuracy(values: pd.Series) -> Tex:
    """Print a test accuracy over seeds.

    Parameters
    ----------
    values : pandas.Series
        Percent, one a seed.

    Returns
    -------
    Tex
        The mean, with the sample standard deviation where there are several seeds; ``not run`` for
        none.
    """
    mean, std, n = summary(values)
    if not n:
        return Tex(NOT_RUN)
    return percent(mean) if n == 1 else Tex(rf"{decimal(mean, 2)} $\pm$ {percent(std)}")


def printed(reported: Reported, name: str) -> float:
    """Return an accuracy that the seed prints.

    Parameters
    ----------
    reported : Reported
        Numbers printed in the sources.
    name : str
        Entry of document 003.

    Returns
    -------
    float
        Percent.
    """
    return 100 * reported.entry(SEED, name).values["test_accuracy"]


def sampling_error(one: float, other: float, n_examples: float) -> float:
    """Return how far two accuracies may lie apart because the test set is small.

    Parameters
    ----------
    one, other : float
        Percent.
    n_examples : float
        Images of the test set.

    Returns
    -------
    float
        Percentage points: half of the 95 % interval of the difference of two independent shares. Two
        networks on the same images differ by less.
    """
    variance = sum(share * (100 - share) for share in (one, other)) / n_examples
    return _NORMAL_975 * math.sqrt(variance)


def compared(values: pd.Series, base: pd.Series, names: tuple[str, str], n_examples: float) -> Tex:
    """Say how two arms compare in accuracy.

    Parameters
    ----------
    values, base : pandas.Series
        Percent, indexed by seed.
    names : (str, str)
        Both arms in the sentence, that of `values` first.
    n_examples : float
        Images of the test set.

    Returns
    -------
    Tex
        One sentence, with the difference in percentage points.
    """
    arm, other = names
    found = paired_difference(base, values)
    if not found.n:
        return Tex(f"The comparison of {arm} with {other} was {NOT_RUN} at this scale.")
    head = f"{arm[:1].upper()}{arm[1:]}"
    if found.n == 1:
        seed = values.index.intersection(base.index)[0]
        error = sampling_error(values[seed], base[seed], n_examples)
        return Tex(
            f"{head} minus {other}: {points(found.mean)} points on the one seed that ran; the size of the "
            f"test set alone leaves $\\pm${decimal(error, 2)}."
        )
    return Tex(
        f"{head} minus {other}: {difference(found)} points over {plural(found.n, 'paired seed')}."
    )
