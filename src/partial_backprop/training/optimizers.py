"""The optimizer that a configuration asks for."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import nn

from partial_backprop.training import memory_order

if TYPE_CHECKING:
    from partial_backprop.run_config import OptimizerConfig


def build(parameters: Iterable[nn.Parameter], config: "OptimizerConfig") -> torch.optim.Optimizer:
    """Build an optimizer in torch's fused form."""
    # Source: pb2020, section 4.1; Reddi et al., "On the convergence of Adam and beyond", ICLR 2018
    common = {"lr": config.learning_rate, "weight_decay": config.weight_decay, "fused": True}
    match config.name:
        case "amsgrad":
            return memory_order.keep(torch.optim.Adam(parameters, amsgrad=True, **common))
        case "adam":
            return memory_order.keep(torch.optim.Adam(parameters, **common))
        case "adamw":
            return memory_order.keep(torch.optim.AdamW(parameters, **common))
        case "sgd":
            return torch.optim.SGD(parameters, momentum=config.momentum, **common)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameter groups."""
    for group in optimizer.param_groups:
        group["lr"] = rate
