"""What a checkpoint of a pruned network holds beside the weights: masks and an optimizer's state."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


def float_masks(kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn masks into what the tool of the source stores: a float32 for each weight."""
    return {name: mask.float() for name, mask in kept.items()}


def optimizer_state(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    kept: Mapping[str, Tensor] | None = None,
) -> dict[str, dict[str, Any]]:
    """Gather what an optimizer remembers of each parameter."""
    masks = dict(kept or {})
    state: dict[str, dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        remembered = dict(optimizer.state.get(parameter, {}))
        mask = masks.get(name, masks.get(name.removesuffix("weight").removesuffix(".")))
        if mask is not None:
            for key, value in remembered.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    remembered[key] = value.masked_fill(~mask, 0)
        state[name] = remembered
    return state


def n_values(content: Any) -> int:
    """Count the numbers in nested mappings of tensors."""
    if isinstance(content, Tensor):
        return content.numel()
    if isinstance(content, Mapping):
        return sum(n_values(value) for value in content.values())
    return 0
