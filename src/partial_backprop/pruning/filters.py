"""Count what is zero in a network, in all, by layer and by filter."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from partial_backprop.measurements.filters import TensorZeros


def sparse(weights: Tensor, threshold: float, *, signed: bool = False) -> Tensor:
    """Find the weights that count as zero."""
    # Source: pruning_logs, "Total sparse weights"
    if not threshold >= 0:
        raise ValueError(f"threshold must be 0 or more, got {threshold}")
    values = weights.detach()
    return values < threshold if signed else values.abs() <= threshold


def count(model: nn.Module, threshold: float) -> "tuple[TensorZeros, ...]":
    """Count zeros by the rule, and as printed."""
    return tuple(
        _of(name, parameter, threshold, isinstance(module, nn.Conv2d) and key == "weight")
        for prefix, module in model.named_modules()
        for key, parameter in module.named_parameters(prefix="", recurse=False)
        for name in [f"{prefix}.{key}" if prefix else key]
    )


def _of(name: str, parameter: Tensor, threshold: float, by_filter: bool) -> "TensorZeros":
    from partial_backprop.measurements.filters import TensorZeros

    found = {
        "zeros": sparse(parameter, threshold),
        "signed": sparse(parameter, threshold, signed=True),
    }
    counts = {f"n_{rule}": int(torch.count_nonzero(entries)) for rule, entries in found.items()}
    lists = {
        f"{rule}_by_filter": tuple(entries.flatten(1).sum(1).tolist())
        for rule, entries in found.items()
        if by_filter
    }
    return TensorZeros(name=name, n_weights=parameter.numel(), **counts, **lists)
