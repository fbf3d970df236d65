"""Thresholds on gradient magnitudes: their units, and how they split weights in two."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from partial_backprop.mask import Mask


def raw_threshold(value: float, learning_rate: float) -> float:
    """Turn a threshold in the paper's units, |g| / learning rate, into a raw gradient magnitude."""
    # *Departures.* The paper divides by the learning rate "to obtain the original gradient (non-scaled by
    # the learning rate)". Gradients from autograd carry no learning rate, so the division only changes the
    # unit: 0.45 in the listing is a raw 4.5e-4.
    #
    # Source: pb2020, section 3.1 and the listing's ``zeroGrad``.
    if not 0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate must be positive and finite, got {learning_rate}")
    raw = value * learning_rate
    if not 0 <= raw < math.inf:
        raise ValueError(f"a threshold must be a finite number from 0 up, got {raw}")
    return raw


def magnitudes(gradients: Mapping[str, Tensor]) -> Tensor:
    """Gather the magnitudes of all gradients in one vector."""
    check_finite(gradients)
    values = torch.empty(sum(gradient.numel() for gradient in gradients.values()))
    parts = values.split([gradient.numel() for gradient in gradients.values()])
    for part, gradient in zip(parts, gradients.values(), strict=True):
        part.view(gradient.shape).copy_(magnitude(gradient))
    return values


def magnitude(gradient: Tensor) -> Tensor:
    """Compute the magnitudes of one gradient."""
    size = gradient.detach().abs().to("cpu", torch.float32)
    return size.contiguous()


def check_finite(gradients: Mapping[str, Tensor]) -> None:
    """Refuse gradients of which no mask can be made."""
    if not any(gradient.numel() for gradient in gradients.values()):
        raise ValueError("there are no gradients: call backward() first")
    if not all(bool(torch.isfinite(gradient).all()) for gradient in gradients.values()):
        raise ValueError("a gradient is NaN or infinite: no mask can be made of it")


def split(gradients: Mapping[str, Tensor], threshold: float, frozen: str = "at_or_below") -> Mask:
    """Split weights by the magnitude of their gradients."""
    if not gradients:
        raise ValueError("there are no gradients: call backward() first")
    active = {
        "at_or_below": lambda size: ~(size <= threshold),
        "below": lambda size: ~(size < threshold),
        "above": lambda size: ~(size > threshold),
    }
    if frozen not in active:
        raise ValueError(f"frozen must be one of {', '.join(active)}, got {frozen!r}")
    entries = {name: active[frozen](_comparable(g)) for name, g in gradients.items()}
    return Mask(entries, threshold=threshold)


def _comparable(gradient: Tensor) -> Tensor:
    size = gradient.detach().abs()
    return size.float() if size.element_size() < 4 else size
