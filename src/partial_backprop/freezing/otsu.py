"""Otsu's method, and the paper's automatic threshold: equations 1 to 3 of pb2020 together."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from partial_backprop.freezing.density import Density, chunks, kde


def otsu(counts: ArrayLike, centers: ArrayLike) -> float:
    """Find the position that splits a histogram in two with the least variance within."""
    # The variance within the parts and the one between them sum to the variance of all, so the least of
    # equation 2 is the largest q₁q₂(μ₁ − μ₂)². Empty bins are left out: they would divide by zero in
    # equation 3 at the ends, and give the split of their lower neighbour elsewhere.
    #
    # Source: pb2020, equations 2 and 3; N. Otsu, *A threshold selection method from gray-level
    # histograms*, 1979.
    counts, centers = np.asarray(counts, dtype=np.float64), np.asarray(centers, dtype=np.float64)
    counts, centers = counts[counts > 0], centers[counts > 0]
    if len(counts) < 2:
        raise ValueError("Otsu's method needs values in two bins at least: they are all in one")
    position = (centers - centers[0]) / (centers[-1] - centers[0])  # squares that cannot underflow
    q_1 = np.cumsum(counts)[:-1]
    q_2 = np.cumsum(counts[::-1])[-2::-1]
    mu_1 = np.cumsum(counts * position)[:-1] / q_1
    mu_2 = np.cumsum((counts * position)[::-1])[-2::-1] / q_2
    return float(centers[np.argmax(q_1 * q_2 * (mu_1 - mu_2) ** 2)])


class OtsuKde(NamedTuple):
    """Otsu's threshold on the high-likelihood range of a density, all in raw units."""

    grid: NDArray[np.float64]  # (n_points,), increasing
    density: NDArray[np.float64]  # (n_points,), per unit of raw magnitude
    # Ends of the high-likelihood range G_n
    low: float
    high: float
    threshold: float  # mean of the sub-range that splits G_n
    bandwidth: float  # standard deviation of the kernel
    frozen: str  # side of the threshold that freezes (`thresholds.split`)


def _likely(density: Density, rule: str, mass: float, peak: float) -> tuple[float, float]:
    """Return the ends of the high-likelihood range."""
    if rule == "mass":
        reached = np.concatenate([[0.0], np.cumsum(density.density) * density.step])
        # The share is of what lies at 0 and above, all of it if reflected. More than the grid holds
        # (see density.TAIL) cannot be had: then the range is the whole grid.
        wanted = min(mass * (reached[-1] + density.beyond), reached[-1] * (1 - 1e-12))
        ends = np.searchsorted(reached, reached + wanted)
        start = int(np.argmin(np.where(ends < len(reached), ends - np.arange(len(ends)), np.inf)))
        return start * density.step, int(ends[start]) * density.step
    if rule == "peak":
        likely = np.flatnonzero(density.density >= peak * density.density.max())
        return likely[0] * density.step, (likely[-1] + 1) * density.step
    raise ValueError(f"unknown range {rule!r}: choose mass or peak")


def otsu_kde(
    values: Tensor,
    *,
    n_bins: int = 300,
    bandwidth: str = "silverman",
    reflect: bool = True,
    likely: str = "mass",
    mass: float = 0.95,
    peak_fraction: float = 0.01,
    positions: str = "mean",
    frozen: str = "at_or_below",
    n_points: int = 1024,
) -> OtsuKde:
    """Find the paper's automatic threshold: density, high-likelihood range, Otsu."""
    # The options are those of `freezing.otsu_kde.mask`; n_points: most points of the density that is
    # returned, from 0 to twice the end of G_n.
    #
    # Source: pb2020, section 3.1, equations 1 to 3.
    if n_bins < 2 or not 0 < mass < 1 or not 0 < peak_fraction < 1:
        raise ValueError(
            "otsu_kde needs n_bins >= 2, and mass and peak_fraction between 0 and 1, "
            f"got {n_bins}, {mass} and {peak_fraction}"
        )
    if positions not in ("mean", "index"):
        raise ValueError(f"unknown positions {positions!r}: choose mean or index")
    sizes = np.abs(values.detach().to("cpu", torch.float32).flatten().numpy())
    sizes = sizes[sizes != 0]
    density = kde(sizes, bandwidth=bandwidth, reflect=reflect)
    low, high = _likely(density, likely, mass, peak_fraction)
    low, high = max(low, float(sizes.min())), min(high, float(sizes.max()))
    if not low < high:
        raise ValueError(
            f"the high-likelihood range holds no two different magnitudes (at {low:g}): widen it"
        )
    counts, means = _bins(sizes, low, high, n_bins)
    index = np.arange(n_bins, dtype=np.float64)
    where = otsu(counts, index if positions == "index" else means)
    threshold = float(means[int(where)]) if positions == "index" else where
    n_shown = min(int(np.ceil(2 * high / density.step)), len(density.grid))
    shown = np.arange(n_shown)
    if n_shown > n_points:  # dense near 0, where the density is steep
        shown = np.unique(np.geomspace(1, n_shown, n_points).astype(np.int64)) - 1
    grid, heights = density.grid[shown], density.density[shown]
    return OtsuKde(grid, heights, low, high, threshold, density.bandwidth, frozen)


def _bins(
    sizes: NDArray[np.float32], low: float, high: float, n_bins: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count the values of each sub-range of [low, high] and take their means (0 where empty)."""
    counts = np.zeros(n_bins, dtype=np.int64)
    sums = np.zeros(n_bins)
    for chunk in chunks(sizes):
        inside = chunk[(chunk >= low) & (chunk <= high)]
        index = ((inside - low) * (n_bins / (high - low))).astype(np.int64)
        np.minimum(index, n_bins - 1, out=index)
        counts += np.bincount(index, minlength=n_bins)
        sums += np.bincount(index, weights=inside, minlength=n_bins)
    return counts, sums / np.maximum(counts, 1)
