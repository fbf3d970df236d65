"""How the section on DessiLBI speaks of networks that did not learn (seed 004)."""

import pandas as pd

from partial_backprop.paper.numbers import percent
from partial_backprop.paper.text import Tex, escape


def learned(accuracy: pd.Series, chance: pd.Series | float) -> bool:
    """Tell whether a network is anywhere more than twice as good as guessing.

    Parameters
    ----------
    accuracy : pandas.Series
        Percent, of epochs or runs.
    chance : pandas.Series or float
        Accuracy of guessing, in percent.

    Returns
    -------
    bool
        Whether anything may be concluded from it.
    """
    return bool((accuracy > 2 * chance).any())


def failure(title: str, accuracy: pd.Series) -> Tex:
    """Say that a network did not learn.

    Parameters
    ----------
    title : str
        Its name in print.
    accuracy : pandas.Series
        Percent, of epochs or runs; at least one.

    Returns
    -------
    Tex
        One sentence.
    """
    return Tex(
        f"{escape(title)} did not learn at this scale: it has at most {percent(accuracy.max())}, and no "
        "conclusion is drawn from it."
    )
