"""Count the zeros and the distinct values of a network's weights, as its layers use them."""

from typing import TYPE_CHECKING

import torch
from torch import nn

from partial_backprop.pruning.layers import prunable, weights
from partial_backprop.quantization.layers import wrappers

if TYPE_CHECKING:
    from partial_backprop.measurements.compression import LayerCounts


@torch.no_grad()
def layer_counts(model: nn.Module) -> "tuple[LayerCounts, ...]":
    """Count in every weight tensor, after its quantizer where it has one."""
    from partial_backprop.measurements.compression import LayerCounts

    may_be_pruned = prunable(model)
    around = wrappers(model)
    counts = []
    for name, weight in weights(model).items():
        transform = around[name].weight_transform if name in around else None
        used = weight.detach() if transform is None else transform(weight)
        counts.append(
            LayerCounts(
                name=name,
                prunable=name in may_be_pruned,
                n_weights=used.numel(),
                n_zeros=int((used == 0).sum()),
                n_values=torch.unique(used).numel(),
            )
        )
    return tuple(counts)
