"""What a checkpoint of a pruned network holds beside the weights: masks and an optimizer's state."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


def float_masks(kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn masks into what the tool of the source stores: a float32 for each weight.

    Parameters
    ----------
    kept : mapping of str to Tensor of bool
        True where a weight is kept.

    Returns
    -------
    dict of str to Tensor
        1 where a weight is kept, else 0.
    """
    return {name: mask.float() for name, mask in kept.items()}


def optimizer_state(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    kept: Mapping[str, Tensor] | None = None,
) -> dict[str, dict[str, Any]]:
    """Gather what an optimizer remembers of each parameter.

    Parameters
    ----------
    model : nn.Module
        The network that it trains.
    optimizer : torch.optim.Optimizer
        Such as Adam, which remembers two moments of every value.
    kept : mapping of str to Tensor of bool, optional
        By name of the module or parameter that is pruned (see `partial_backprop.pruning.layers`), True
        where a weight is kept: what is remembered of the others is set to zero.

    Returns
    -------
    dict of str to dict
        Name of the parameter -> quantity -> tensor; copies where something was set to zero.
    """
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
    """Count the numbers in nested mappings of tensors.

    Parameters
    ----------
    content : object
        A tensor, a mapping, or anything else, which counts nothing.

    Returns
    -------
    int
        Values of all tensors.
    """
    if isinstance(content, Tensor):
        return content.numel()
    if isinstance(content, Mapping):
        return sum(n_values(value) for value in content.values())
    return 0
