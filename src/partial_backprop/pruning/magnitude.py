"""Magnitude pruning: drop the weights at or below a percentile of |w|, by layer or over all.

Shapes: n weights.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

_RANK_DIGITS = 6


def _rank(n: int, share: float) -> tuple[int, float]:
    """Split the percentile's rank among n sorted values, counted from 0, into whole and rest."""
    # Most shares are no binary fractions: 0.29 * 100 comes out as 28.999999999999996. Rounding puts
    # such a rank back on the whole number that is meant.
    rank = round((n - 1) * share, _RANK_DIGITS)
    return math.floor(rank), rank - math.floor(rank)


def _neighbours(magnitudes: Tensor, share: float) -> tuple[float, float, float]:
    """Find the sorted values on either side of a percentile, and its way from one to the other."""
    # Whatever has less precision than float32 has no type of its own in numpy.
    dtype = torch.promote_types(magnitudes.dtype, torch.float32)
    values = magnitudes.detach().to("cpu", dtype).flatten().numpy()
    if not values.size:
        raise ValueError("there are no weights to prune")
    if not np.isfinite(values).all():
        raise ValueError("a weight is NaN or infinite: the weights cannot be ranked")
    low, rest = _rank(values.size, share)
    high = min(low + 1, values.size - 1)
    ranked = np.partition(values, (low, high))
    return float(ranked[low]), float(ranked[high]), rest


def _check(share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, got {share}")


def threshold(magnitudes: Tensor, share: float) -> float:
    """Interpolate a percentile linearly between the two values next to it."""
    # The rank is computed in double precision, to a millionth: `torch.quantile` takes no more than
    # 2^24 values, and ``numpy.percentile`` before version 2.4 may compute the rank in the values'
    # own precision, which at 10^8 float32 weights misses it by several
    _check(share)
    low, high, rest = _neighbours(magnitudes, share)
    return low + rest * (high - low)


def _largest_pruned(magnitudes: Tensor, share: float) -> float:
    """Find the largest magnitude that the threshold prunes."""
    # No weight lies between it and the threshold, so that comparing with it is the same; but it is
    # a weight, and no rounding of an interpolated value to the weights' precision can reach the
    # next
    return _neighbours(magnitudes, share)[0]


def layerwise(weights: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Prune every layer to the same share, each by its own threshold."""
    # *Departures.* At a share of 0 nothing is pruned. The source's rule, "at or below the
    # percentile", would prune the smallest weight, since that is the percentile at 0.
    # Source: sparse_homework, Lab 2 (b)
    _check(share)
    if share == 0:
        return _all_kept(weights)
    return {
        name: weight.detach().abs() > _largest_pruned(weight.detach().abs(), share)
        for name, weight in weights.items()
    }


def globally(weights: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Prune a share of all weights by one threshold, whatever that makes of each layer."""
    # *Departures.* At a share of 0 nothing is pruned (see `layerwise`)
    # Source: sparse_homework, Lab 2 (e)
    _check(share)
    if share == 0:
        return _all_kept(weights)
    sizes = {name: weight.detach().abs() for name, weight in weights.items()}
    together = torch.cat([size.flatten().cpu() for size in sizes.values()] or [torch.empty(0)])
    largest = _largest_pruned(together, share)
    return {name: size > largest for name, size in sizes.items()}


def _all_kept(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}
