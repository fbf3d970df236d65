"""Take zero filters out of a network, and the channels that they feed, without changing its function.

A unit is an output channel of a convolution or an output of a linear layer.
"""

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn

from partial_backprop.pruning.chain import NORMS, Link, chain


def remove(model: nn.Sequential) -> nn.Sequential:
    """Build the smaller network that computes the same without the zeros."""
    # A constant other than zero stays in place where the next layer is a convolution with zero
    # padding, which sees less of it at the margin. Every layer keeps at least one unit. What is
    # removed may leave further units without weights or readers, so that it is done until nothing
    # is left to remove.
    # Source: pruning_logs, "Filter pruning"; the source's script leaves its zeros in place
    smaller = copy.deepcopy(model)
    links = chain(smaller)
    while any(_shrink(*pair) for pair in pairwise(links)):
        pass
    return smaller


@torch.no_grad()
def _shrink(producer: Link, consumer: Link) -> bool:
    """Remove units between two layers; tell whether there were any."""
    is_read = consumer.blocks().ne(0).any(dim=2).any(dim=0)
    is_computed = producer.blocks().ne(0).any(dim=2).any(dim=1)
    values = producer.constants()
    gone = ~is_read | (~is_computed & ((values == 0) | _takes_constants(consumer.layer)))
    if gone.all():
        gone[0] = False
    if not gone.any():
        return False
    _absorb(consumer, torch.where(gone & is_read, values, 0.0))
    keep = (~gone).nonzero().flatten()
    _keep_outputs(producer, keep)
    _keep_inputs(consumer, keep)
    return True


def _takes_constants(layer: nn.Conv2d | nn.Linear) -> bool:
    if isinstance(layer, nn.Linear) or layer.padding_mode != "zeros":
        return True
    return layer.padding in ("valid", (0, 0))


def _absorb(consumer: Link, values: Tensor) -> None:
    """Add to a layer's bias what it makes of constant units."""
    if not values.any():
        return
    layer = consumer.layer
    added = consumer.blocks().double().sum(dim=2) @ values.double()
    if layer.bias is None:
        layer.bias = nn.Parameter(torch.zeros_like(layer.weight[:, :1]).flatten(1).sum(1))
    layer.bias.add_(added)


def _select(module: nn.Module, name: str, index: Tensor, axis: int = 0) -> None:
    old = getattr(module, name)
    if old is not None:
        new = old.detach().index_select(axis, index)
        setattr(module, name, nn.Parameter(new) if isinstance(old, nn.Parameter) else new)


def _keep_outputs(link: Link, keep: Tensor) -> None:
    _select(link.layer, "weight", keep)
    _select(link.layer, "bias", keep)
    is_linear = isinstance(link.layer, nn.Linear)
    setattr(link.layer, "out_features" if is_linear else "out_channels", len(keep))
    for module in link.after:
        if isinstance(module, NORMS):
            for name in ("weight", "bias", "running_mean", "running_var"):
                _select(module, name, keep)
            module.num_features = len(keep)


def _keep_inputs(link: Link, keep: Tensor) -> None:
    layer = link.layer
    if isinstance(layer, nn.Linear):
        pixels = torch.arange(link.span, device=keep.device)
        keep = (keep[:, None] * link.span + pixels).flatten()
    _select(layer, "weight", keep, axis=1)
    setattr(layer, "in_features" if isinstance(layer, nn.Linear) else "in_channels", len(keep))
