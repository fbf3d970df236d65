"""Means, spreads and paired differences over seeds and images."""

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
    """Lower end; NaN where there is no interval."""
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


def crossed(values: np.ndarray, draws: int = 10_000, seed: int = 0) -> Difference:
    """Bootstrap over seeds and test images, crossed; over images alone for one seed.

    Parameters
    ----------
    values : ndarray of shape (seeds, images)
        What each image contributes to the difference of each seed.
    draws : int
        Number of resamples.
    seed : int
        Of the random generator.

    Returns
    -------
    Difference
        The mean, and the 2.5 and 97.5 % quantiles of the resampled means.

    Notes
    -----
    Images with equal values over all seeds are alike: drawing how often each such pattern occurs is
    drawing images, at the cost of the few patterns that there are.
    """
    patterns, counts = np.unique(values, axis=1, return_counts=True)
    n_seeds, n_images = values.shape
    generator = np.random.default_rng(seed)
    images = generator.multinomial(n_images, counts / n_images, size=draws) / n_images
    seeds = generator.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=draws) / n_seeds
    means = np.einsum("bp,sp,bs->b", images, patterns, seeds, optimize=True)
    low, high = np.quantile(means, (0.025, 0.975))
    return Difference(float(values.mean()), float(low), float(high), n_seeds)


def wider(one: Difference, other: Difference) -> Difference:
    """Choose the wider of two intervals; one that has no ends is the narrower.

    Parameters
    ----------
    one, other : Difference
        Of the same mean.

    Returns
    -------
    Difference
        One of the two.
    """
    widths = [np.nan_to_num(found.high - found.low, nan=-1.0) for found in (one, other)]
    return one if widths[0] >= widths[1] else other
