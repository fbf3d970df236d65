"""Freeze a given share of the weights: those with the smallest gradients."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from partial_backprop.freezing.thresholds import check_finite, magnitude
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share

_HALF = 16
"""Bits that are looked at in a pass."""


def _kth_smallest(parts: Sequence[Tensor], k: int) -> float:
    """Find the k-th smallest magnitude, from 1, by counting: without a copy of all of them.

    The bits of floats from 0 up, read as integers, are ordered as the numbers are. The first pass
    counts by the upper half of the bits, the second one by the lower half where the upper is right.
    """
    upper = _counts(parts, None)
    high = int(np.searchsorted(np.cumsum(upper), k))
    lower = _counts(parts, high)
    low = int(np.searchsorted(np.cumsum(lower), k - int(upper[:high].sum())))
    return float(np.uint32(high << _HALF | low).view(np.float32))


def _counts(parts: Sequence[Tensor], high: int | None) -> NDArray[np.int64]:
    counts = np.zeros(1 << _HALF, np.int64)
    for part in parts:
        for chunk in magnitude(part).flatten().split(1 << 20):
            bits = chunk.numpy().view(np.uint32)
            halves = bits >> _HALF
            if high is not None:
                halves = bits[halves == high] & ((1 << _HALF) - 1)
            counts += np.bincount(halves, minlength=len(counts))
    return counts


def _smallest(parts: Sequence[Tensor], share: float) -> tuple[list[Tensor], float | None]:
    """Mark the active entries: all but the smallest; and return the largest of these."""
    n_frozen = math.floor(share * sum(part.numel() for part in parts) + 0.5)
    if n_frozen == 0:
        return [torch.ones_like(part, dtype=torch.bool) for part in parts], None
    largest = _kth_smallest(parts, n_frozen)
    frozen = [magnitude(part) < largest for part in parts]
    left = n_frozen - sum(int(entries.sum()) for entries in frozen)
    for entries, part in zip(frozen, parts, strict=True):
        ties = (magnitude(part) == largest).flatten().nonzero().flatten()[:left]
        entries.view(-1)[ties] = True
        left -= len(ties)
    return [~entries.to(part.device) for entries, part in zip(frozen, parts, strict=True)], largest


def mask(gradients: Mapping[str, Tensor], *, q: Share, scope: str = "network") -> Mask:
    """Freeze the weights with the smallest gradient magnitudes.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name.
    q : float
        Share that is frozen, from 0 to 1, of all weights, natural zeros included. The number is
        exact: `q` times the number of weights, rounded to the nearest whole number, halves up.
    scope : {"network", "layer"}, default="network"
        Rank over the whole network, or within each parameter tensor.

    Returns
    -------
    Mask
        False where frozen. It has a threshold, the largest frozen magnitude, with ``network`` only.

    Raises
    ------
    ValueError
        If there are no gradients, one is not finite, or an option is out of range.

    Notes
    -----
    Of equal magnitudes at the threshold, those freeze that come first in the order of the mapping
    and, within a tensor, of the index. Ranking is done on the CPU, so that devices agree.

    References
    ----------
    None: a control that the sources lack. It fixes the frozen share that they report.
    """
    if not 0 <= q <= 1:
        raise ValueError(f"q is a share from 0 to 1, got {q}")
    if scope not in ("network", "layer"):
        raise ValueError(f"unknown scope {scope!r}: choose network or layer")
    check_finite(gradients)
    parts, threshold = list(gradients.values()), None
    if scope == "network":
        active, threshold = _smallest(parts, q)
    else:
        active = [_smallest([part], q)[0][0] for part in parts]
    return Mask(dict(zip(gradients, active, strict=True)), threshold=threshold)
