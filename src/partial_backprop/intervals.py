"""Means, spreads and paired differences over seeds."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit


class Summary(NamedTuple):
    """Mean and spread over seeds."""

    mean: float
    """Mean; NaN for none."""
    std: float
    """Sample standard deviation (n − 1 in the denominator); NaN for fewer than two seeds."""
    n: int
    """Number of seeds."""


def summary(values: pd.Series) -> Summary:
    """Summarise one quantity over seeds.

    Parameters
    ----------
    values : pandas.Series
        One value a seed.

    Returns
    -------
    Summary
        Mean, sample standard deviation and number of seeds; NaN where there are too few.
    """
    n = len(values)
    mean = float(values.mean()) if n else np.nan
    return Summary(mean, float(values.std(ddof=1)) if n > 1 else np.nan, n)


class Difference(NamedTuple):
    """Mean difference over paired seeds, and its 95 % interval."""

    mean: float
    """Mean of the differences; NaN for none."""
    low: float
    """Lower end; NaN for fewer than two pairs."""
    high: float
    """Upper end; likewise."""
    n: int
    """Number of pairs."""


def paired_difference(fb: pd.Series, pb: pd.Series) -> Difference:
    """Compare two arms seed by seed.

    Parameters
    ----------
    fb, pb : pandas.Series
        Values indexed by seed. Seeds that only one has are left out.

    Returns
    -------
    Difference
        Mean of ``pb − fb`` in the unit of the values, with the 95 % interval of Student's t over
        the pairs. Arms of one seed share data split and first epochs, so pairing removes what
        they have in common.
    """
    differences = (pb - fb).dropna()
    mean, std, n = summary(differences)
    if n < 2:
        return Difference(mean, np.nan, np.nan, n)
    half = float(stdtrit(n - 1, 0.975)) * std / np.sqrt(n)
    return Difference(mean, float(mean - half), float(mean + half), n)
