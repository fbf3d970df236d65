"""Autocast for functions that torch does not know: cast as it would, and compute without it."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def as_autocast_would(*tensors: Tensor | None) -> list[Tensor | None]:
    """Cast to autocast's precision, where it is on: gradients come back in that of the weights."""
    device = tensors[0].device.type
    if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return list(tensors)
    dtype = torch.get_autocast_dtype(device)
    return [t if t is None or t.dtype is torch.float64 else t.to(dtype) for t in tensors]


def without_autocast(device: torch.device) -> AbstractContextManager:
    """Switch autocast off; devices such as "meta" have none."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)
