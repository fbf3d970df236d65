"""Let Adam's fused kernel step on weights in the order in which they lie in memory.

On a processor torch's kernel wants its tensors in torch's default order: those with channels last it
copies, steps on the copies and copies back, which takes longer than the step. Seen as (N, H, W, C) they
are in default order as they lie. The step goes element by element, so the view changes nothing.
"""

import types
from typing import Any

import torch
from torch import Tensor

VECTOR = 64
"""Elements that every processor's vectors divide. What is left over at the end of a tensor is computed
without vectors and may be rounded otherwise, so that tensors of other sizes keep their order."""


def keep(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """Let an optimizer step on views in memory's order."""
    # Its private method ``_init_group`` gathers what a step needs in lists of tensors, one entry a
    # parameter; where those of a parameter all have channels last, they are replaced by views.
    # Where torch gathers otherwise (read in 2.13), nothing is replaced, or the views do no harm.
    gather = getattr(optimizer, "_init_group", None)
    if gather is None:
        return optimizer

    def _init_group(_: object, group: dict[str, Any], *lists: list[Tensor]) -> Any:
        result = gather(group, *lists)
        parallel = [one for one in lists if len(one) == len(lists[0])]
        for index, weights in enumerate(lists[0]):
            alike = [one for one in parallel if one[index].shape == weights.shape]
            if all(_has_channels_last(one[index]) for one in alike):
                for one in alike:
                    one[index] = one[index].permute(0, 2, 3, 1)
        return result

    optimizer._init_group = types.MethodType(_init_group, optimizer)
    return optimizer


def _has_channels_last(tensor: Tensor) -> bool:
    return (
        tensor.dim() == 4
        and tensor.numel() % VECTOR == 0
        and not tensor.is_contiguous()
        and tensor.is_contiguous(memory_format=torch.channels_last)
    )
