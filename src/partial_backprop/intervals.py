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
    """Summarise one quantity over seeds."""
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
    """Compare two arms seed by seed."""
    differences = (pb - fb).dropna()
    mean, std, n = summary(differences)
    if n < 2:
        return Difference(mean, np.nan, np.nan, n)
    half = float(stdtrit(n - 1, 0.975)) * std / np.sqrt(n)
    return Difference(mean, float(mean - half), float(mean + half), n)
