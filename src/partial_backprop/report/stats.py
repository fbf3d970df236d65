"""Intervals and tests over seeds and test images; scipy's where it has them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

DRAWS = 10_000
LEVEL = 0.95


class Interval(NamedTuple):
    """A mean with its interval, and what tests it against other values."""

    mean: float
    low: float
    high: float
    """Its ends; NaN where there is no interval. All in the unit of the values."""
    n: int
    """Number of seeds."""
    method: str
    """``t``, ``bootstrap``, ``images`` for a bootstrap over images alone, or ``none``."""
    means: np.ndarray | None = None
    """Sorted means of the draws of a bootstrap."""
    error: float = np.nan
    """Standard error of Student's t."""

    def p(self, value: float, side: str = "both") -> float:
        """Test the mean against a value: ``both``, or ``above`` or ``below`` it is to be shown."""
        # For ``both`` below 0.05 if and only if the interval excludes the value.
        if self.method == "none":
            return np.nan
        if self.means is not None:
            n = len(self.means)
            below = (np.searchsorted(self.means, value, "right") + 1) / (n + 1)
            above = (n - np.searchsorted(self.means, value, "left") + 1) / (n + 1)
            tails = {"above": below, "below": above}
        elif self.error == 0:
            tails = {"above": float(self.mean <= value), "below": float(self.mean >= value)}
        else:
            t = (self.mean - value) / self.error
            tails = {"above": stats.t.sf(t, self.n - 1), "below": stats.t.cdf(t, self.n - 1)}
        p = 2 * min(tails.values()) if side == "both" else tails[side]
        return float(min(1.0, p))


def student(values: Sequence[float]) -> Interval:
    """Compute Student's interval over seeds."""
    values = np.asarray(values, float)
    n = len(values)
    mean = float(values.mean()) if n else np.nan
    if n < 2:
        return Interval(mean, np.nan, np.nan, n, "none")
    error = float(values.std(ddof=1) / np.sqrt(n))
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * error
    return Interval(mean, mean - half, mean + half, n, "t", error=error)


def crossed(values: np.ndarray, draws: int = DRAWS, seed: int = 0) -> Interval:
    """Bootstrap over seeds and test images, crossed; over images alone for one seed."""
    # `values` is of shape (seeds, images), in percent: 100 where an arm is right and its base is not, −100
    # where it is the other way round. Images with the same values over all seeds are alike, so that counts of
    # these patterns are drawn, not images: the same distribution, at the cost of the number of patterns.
    patterns, counts = np.unique(values, axis=1, return_counts=True)
    n_seeds, n_images = values.shape
    generator = np.random.default_rng(seed)
    images = generator.multinomial(n_images, counts / n_images, size=draws) / n_images
    seeds = generator.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=draws) / n_seeds
    means = np.sort(np.einsum("bp,sp,bs->b", images, patterns, seeds, optimize=True))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    method = "images" if n_seeds == 1 else "bootstrap"
    return Interval(float(values.mean()), float(low), float(high), n_seeds, method, means)


def wider(one: Interval, other: Interval) -> Interval:
    """Choose the wider of two intervals; one that has no ends is the narrower."""
    widths = [np.nan_to_num(found.high - found.low, nan=-1.0) for found in (one, other)]
    return one if widths[0] >= widths[1] else other


def tost(found: Interval, low: float, high: float) -> float:
    """Test for equivalence by two one-sided tests."""
    # Twice the larger p, so that below 0.05 means: the whole 95 % interval is between `low` and `high`. This
    # is stricter than the usual 5 % a side.
    return min(1.0, 2 * max(found.p(low, "above"), found.p(high, "below")))


def sign_flip(differences: Sequence[float]) -> float:
    """Test over seeds, exactly, whether differences are symmetric around zero."""
    values = np.asarray(differences, float)
    if len(values) < 2 or not values.any():
        return np.nan
    found = stats.permutation_test(
        (values, np.zeros_like(values)),
        lambda one, other, axis: (one - other).mean(axis=axis),
        permutation_type="samples",
        n_resamples=DRAWS,
        vectorized=True,
        rng=np.random.default_rng(0),  # beyond 13 seeds it draws
    )
    return float(found.pvalue)


def mcnemar(arm: np.ndarray, base: np.ndarray) -> float:
    """Compare two networks on the same images by McNemar's exact test."""
    better, worse = int((arm & ~base).sum()), int((base & ~arm).sum())
    return float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0


def holm(p: Sequence[float]) -> np.ndarray:
    """Correct several tests together by Holm's method."""
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    corrected = np.empty_like(values)
    scaled = values[order] * np.arange(len(values), 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(scaled)) if len(values) else scaled
    return corrected
