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

    zeros, signed = sparse(parameter, threshold), sparse(parameter, threshold, signed=True)

    def counted(entries: Tensor) -> tuple[int, ...] | None:
        return tuple(entries.flatten(1).sum(1).tolist()) if by_filter else None

    return TensorZeros(
        name=name,
        n_weights=parameter.numel(),
        n_zeros=int(torch.count_nonzero(zeros)),
        n_signed=int(torch.count_nonzero(signed)),
        zeros_by_filter=counted(zeros),
        signed_by_filter=counted(signed),
    )
