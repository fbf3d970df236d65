"""Kernel density of millions of magnitudes, binned first (equation 1 of pb2020).

Three things set the accuracy of a binned estimate: the grid step against the bandwidth, the tail
against the grid, and the border at 0. Gradients are heavy-tailed: a grid over all of them would be
coarser than the bandwidth exactly where the density lives. So the grid ends where all but `TAIL` of
the values lie, its step is a fixed fraction of the bandwidth, and what the kernel carries below 0
is reflected, because a magnitude cannot be negative.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TAIL = 1e-3
"""Share of the values, the largest, that may lie beyond the grid."""

STEPS_PER_BANDWIDTH = 8
"""Grid steps in a bandwidth: counting in cells then widens the kernel by less than 0.1 %."""

MAX_CELLS = 2**19
"""Most grid cells; beyond, the bandwidth grows (so extreme a tail has no sharper estimate)."""

_REACH = 5.0  # bandwidths beyond which a Gaussian kernel carries less than 1e-6 of its mass
_CHUNK = 2**20  # values that pass through the processor's cache at once
_SHIFT = 15  # bits dropped from a float32 to make a cell: 256 cells an octave, 0.4 % wide


class Density(NamedTuple):
    """Estimated density of magnitudes on an equidistant grid of cells."""

    grid: NDArray[
        np.float64
    ]  # (n_cells,), centres in the units of the values; the first begins at 0
    density: NDArray[np.float64]  # (n_cells,), per unit of value, normalised over all values
    # Standard deviation of the kernel and width of a cell, in the units of the values
    bandwidth: float
    step: float
    beyond: float  # share of the values that lie beyond the grid


def chunks(values: NDArray[np.float32]) -> Iterator[NDArray[np.float64]]:
    """Cut values into double-precision pieces that fit the cache."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK].astype(np.float64)


def _octaves(values: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    # The bits of positive float32 numbers, read as integers, are ordered as the numbers are: their
    # upper part is a logarithmic histogram without a logarithm.
    n_cells = 2 ** (31 - _SHIFT)
    counts = np.zeros(n_cells, dtype=np.int64)
    for start in range(0, len(values), _CHUNK):
        bits = values[start : start + _CHUNK].view(np.int32)
        counts += np.bincount(bits >> _SHIFT, minlength=n_cells)
    used = np.flatnonzero(counts)
    lower = (used << _SHIFT).astype(np.int32).view(np.float32).astype(np.float64)
    upper = (((used + 1) << _SHIFT) - 1).astype(np.int32).view(np.float32).astype(np.float64)
    return counts[used], np.minimum((lower + upper) / 2, float(values.max()))


def _spread(values: NDArray[np.float32], rule: str | float) -> tuple[float, float]:
    """Return the bandwidth and the value below which all but `TAIL` lie."""
    counts, centers = _octaves(values)
    below = np.cumsum(counts)
    n = below[-1]

    def quantile(share: float) -> float:
        return float(centers[np.searchsorted(below, share * n)])

    # Centres carry the cells' rounding, 0.2 %: nothing for a rule of thumb.
    top = quantile(1 - TAIL) if n * TAIL >= 1 else float(values.max())
    if not isinstance(rule, str):
        return float(rule), top
    mean = np.average(centers, weights=counts)
    deviation = float(np.sqrt(np.average((centers - mean) ** 2, weights=counts)))
    deviation = deviation or float(values.max() - values.min())
    if rule == "scott":
        return 1.06 * deviation * n**-0.2, top
    if rule == "silverman":
        quartiles = (quantile(0.75) - quantile(0.25)) / 1.34
        return 0.9 * min(deviation, quartiles or deviation) * n**-0.2, top
    raise ValueError(f"unknown bandwidth rule {rule!r}: choose silverman or scott")


def kde(
    values: NDArray[np.float32], *, bandwidth: str | float = "silverman", reflect: bool = True
) -> Density:
    """Estimate the density of positive values with a Gaussian kernel."""
    # bandwidth: silverman, 0.9 min(σ, IQR / 1.34) n^(-1/5), which a heavy tail does not move; scott,
    # 1.06 σ n^(-1/5), which it does; or a number. reflect: fold what the kernel carries below 0 back onto
    # the positive side; without it the density falls to half its height at 0, where most gradients are.
    #
    # Values are counted in cells of an eighth of the bandwidth, and the counts are convolved by FFT: O(n +
    # m log m) for m cells, where the plain sum is O(n m).
    #
    # Source: pb2020, section 3.1, equation 1; B. W. Silverman, *Density Estimation*, 1986, equation 3.31.
    # KDEpy takes as long to import as all the rest, and only this function needs it.
    from KDEpy import FFTKDE

    values = np.ascontiguousarray(values, dtype=np.float32)
    if values.size == 0:
        raise ValueError("no density without values: there is no non-zero gradient")
    smallest, largest = float(values.min()), float(values.max())
    if not 0 < smallest <= largest < np.inf:  # false also for NaN
        raise ValueError(f"a density needs positive, finite values, got {smallest} to {largest}")
    if smallest == largest:
        raise ValueError(f"no density of a single value: all {values.size} equal {smallest:g}")
    width, top = _spread(values, bandwidth)
    if not 0 < width < np.inf:
        raise ValueError(f"the bandwidth must be positive and finite, got {width}")
    width = max(width, top * STEPS_PER_BANDWIDTH / MAX_CELLS)
    step = width / STEPS_PER_BANDWIDTH
    n_shown = int(np.ceil(top / step + _REACH * STEPS_PER_BANDWIDTH))
    n_cells = n_shown + int(np.ceil(_REACH * STEPS_PER_BANDWIDTH))
    counts = np.zeros(n_cells + 1, dtype=np.int64)
    for chunk in chunks(values):
        chunk /= step
        np.minimum(chunk, n_cells, out=chunk)  # the last slot takes the tail, and is left out
        counts += np.bincount(chunk.astype(np.int64), minlength=n_cells + 1)
    used = np.flatnonzero(counts[:n_cells])
    # In units of the step, so that no value is too small for the library; one point more at either
    # end, since it wants every point strictly inside its grid.
    points = np.arange(-n_cells - 1, n_cells + 1) + 0.5
    estimate = FFTKDE(kernel="gaussian", bw=STEPS_PER_BANDWIDTH)
    heights = estimate.fit(used + 0.5, weights=counts[used]).evaluate(points)
    right, left = heights[n_cells + 1 :], heights[n_cells::-1]
    heights = (right + left if reflect else right)[:n_shown]
    share = counts[:n_cells].sum() / values.size
    density = np.maximum(heights, 0.0) * (share / step)
    beyond = counts[n_shown:].sum() / values.size
    grid = (np.arange(n_shown, dtype=np.float64) + 0.5) * step
    return Density(grid, density, width, step, float(beyond))
