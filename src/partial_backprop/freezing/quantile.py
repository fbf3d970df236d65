"""Freeze a given share of the weights: those with the smallest gradients."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from partial_backprop.freezing.thresholds import magnitudes
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share


def _smallest(values: Tensor, share: float) -> tuple[Tensor, float | None]:
    """Mark the smallest values, and return the largest of those marked."""
    n_frozen = math.floor(share * values.numel() + 0.5)
    if n_frozen == 0:
        return torch.zeros_like(values, dtype=torch.bool), None
    largest = torch.kthvalue(values, n_frozen).values
    frozen = values < largest
    ties = (values == largest).nonzero().flatten()
    frozen[ties[: n_frozen - int(frozen.sum())]] = True
    return frozen, float(largest)


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
    values, sizes = magnitudes(gradients), [gradient.numel() for gradient in gradients.values()]
    threshold = None
    if scope == "network":
        frozen, threshold = _smallest(values, q)
        parts = frozen.split(sizes)
    else:
        parts = [_smallest(part, q)[0] for part in values.split(sizes)]
    active = {
        name: ~part.view(gradient.shape).to(gradient.device)
        for (name, gradient), part in zip(gradients.items(), parts, strict=True)
    }
    return Mask(active, threshold=threshold)
