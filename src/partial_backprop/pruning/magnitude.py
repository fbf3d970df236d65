"""Magnitude pruning: drop the weights at or below a percentile of |w|, by layer or over all.

Shapes: n weights.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

_RANK_DIGITS = 6


def ranked(magnitudes: Tensor, rank: int) -> float:
    """Return the value of a rank, from 0, among sorted ones."""
    # Whatever has less precision than float32 has no type of its own in numpy.
    dtype = torch.promote_types(magnitudes.dtype, torch.float32)
    values = magnitudes.detach().to("cpu", dtype).flatten().numpy()
    if not np.isfinite(values).all():
        raise ValueError("a weight is NaN or infinite: the weights cannot be ranked")
    return float(np.partition(values, rank)[rank])


def _check(share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, got {share}")


def largest_pruned(magnitudes: Tensor, share: float) -> float:
    """Find the largest magnitude that a percentile prunes."""
    # The percentile, interpolated between two weights, prunes what is at or below it. No weight lies between
    # this one and it, so that comparing with it is the same; but it is a weight, and no rounding of an
    # interpolated value to the weights' precision can reach the next.
    #
    # The rank is computed in double precision: `torch.quantile` takes no more than 2^24 values, and
    # ``numpy.percentile`` before version 2.4 may compute it in the values' own precision, which at 10^8
    # float32 weights misses it by several. Most shares are no binary fractions: 0.29 * 100 comes out as
    # 28.999999999999996. Rounding puts such a rank back on the whole number that is meant.
    if not magnitudes.numel():
        raise ValueError("there are no weights to prune")
    return ranked(magnitudes, math.floor(round((magnitudes.numel() - 1) * share, _RANK_DIGITS)))


def layerwise(weights: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Prune every layer to the same share, each by its own threshold."""
    # *Departures.* At a share of 0 nothing is pruned. The source's rule, "at or below the
    # percentile", would prune the smallest weight, since that is the percentile at 0.
    # Source: sparse_homework, Lab 2 (b)
    _check(share)
    if share == 0:
        return _all_kept(weights)
    return {
        name: weight.detach().abs() > largest_pruned(weight.detach().abs(), share)
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
    largest = largest_pruned(together, share)
    return {name: size > largest for name, size in sizes.items()}


def _all_kept(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}
