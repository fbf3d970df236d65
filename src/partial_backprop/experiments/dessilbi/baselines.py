"""The optimizers of Table 1 of dessilbi2020: DessiLBI and those with which it is compared."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from partial_backprop.optim.adabound import AdaBound
from partial_backprop.optim.by_output import by_output_axis
from partial_backprop.optim.dessilbi import DessiLBI
from partial_backprop.pruning.layers import weights
from partial_backprop.recipes.context import TrainingContext
from partial_backprop.run_config import OptimizerConfig

RELATIVES = {
    "dessilbi": "sgd",
    "sgd": "sgd",
    "nesterov": "sgd",
    "adam": "adam",
    "amsgrad": "amsgrad",
    "adabound": "adam",
    "adagrad": "adam",
    "radam": "adam",
}
"""Contender -> name of the ``training.optimizer`` that it is, or whose place it takes."""


def put(
    context: TrainingContext, name: str, chosen: OptimizerConfig, options: Mapping[str, Any]
) -> None:
    """Put a contender in the place of the setting's optimizer."""
    # Source: dessilbi2020, Table 1. RAdam: Liu et al., ICLR 2020; Adagrad: Duchi et al., JMLR 2011.
    if name not in RELATIVES:
        raise ValueError(f"optimizer must be one of {', '.join(RELATIVES)}, got {name!r}")
    if chosen.name != RELATIVES[name]:
        raise ValueError(
            f"{name} needs training.optimizer.name to be {RELATIVES[name]}, not {chosen.name}"
        )
    if name == chosen.name:
        return
    options = dict(options)
    linear_lam, decay_norms = options.pop("linear_lam", None), options.pop("decay_norms", False)
    model = context.train_state.model
    parameters = by_output_axis(model) if name == "dessilbi" else list(model.parameters())
    if linear_lam is not None or decay_norms:
        parameters = _groups(model, linear_lam, decay_norms)
    common = {"lr": chosen.learning_rate, "weight_decay": chosen.weight_decay}
    makers: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "dessilbi": lambda: DessiLBI(parameters, momentum=chosen.momentum, **common, **options),
        "nesterov": lambda: torch.optim.SGD(
            parameters, momentum=chosen.momentum, nesterov=True, **common
        ),
        "adabound": lambda: AdaBound(parameters, **common),
        "adagrad": lambda: torch.optim.Adagrad(parameters, **common),
        "radam": lambda: torch.optim.RAdam(parameters, **common),
    }
    context.train_state.optimizer = makers[name]()


def _groups(model: nn.Module, linear_lam: float | None, decay_norms: bool) -> list[dict[str, Any]]:
    """Divide parameters by the options that the public code gives them (METHODS E)."""
    rest: dict[str, Any] = {"params": []}
    linear: dict[str, Any] = {"params": []} | ({} if linear_lam is None else {"lam": linear_lam})
    norms: dict[str, Any] = {"params": [], "decay_all": decay_norms}
    for module in model.modules():
        for key, parameter in module.named_parameters(recurse=False):
            is_norm = key == "weight" and isinstance(module, nn.modules.batchnorm._BatchNorm)
            is_linear = parameter.ndim == 2
            (norms if is_norm else linear if is_linear else rest)["params"].append(parameter)
    return [group for group in (rest, linear, norms) if group["params"]]


def penalty(context: TrainingContext, l1: float) -> dict[str, Callable[[], None]]:
    """Return the hook that adds the subgradient of λ‖W‖₁."""
    if not l1 >= 0:
        raise ValueError(f"l1 must be 0 or more, got {l1}")
    if not l1:
        return {}
    penalized = weights(context.train_state.model).values()

    @torch.no_grad()
    def add_subgradient() -> None:
        for weight in penalized:
            weight.grad.add_(weight.sign(), alpha=l1)

    return {"after_backward": add_subgradient}
