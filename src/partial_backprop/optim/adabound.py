"""AdaBound: Adam whose rates are clipped between bounds that draw together (dessilbi2020, Table 1)."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT


class AdaBound(torch.optim.Optimizer):
    """Adam at first, SGD with momentum in the end."""

    # In step t, with Adam's moments m and v, ``W⁺ = W − clip(α' / (√v + ε), lower, upper) · m``,
    # where α' is α with Adam's correction of both biases, ``lower = α* (1 − 1/(γt + 1))`` and
    # ``upper = α* (1 + 1/(γt))``
    # Packages that have it bring hundreds of other optimizers, and take longer to import than a
    # network of this project's demo takes to train
    # Source: Luo et al., "Adaptive gradient methods with dynamic bound of learning rate", ICLR
    # 2019, algorithm 2, with the bias corrections and the bounds of the authors' code

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        *,
        final_lr: float = 0.1,
        betas: tuple[float, float] = (0.9, 0.999),
        gamma: float = 1e-3,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        for name, value in (("lr", lr), ("weight_decay", weight_decay)):
            if not value >= 0:
                raise ValueError(f"{name} must be 0 or more, got {value}")
        for name, value in (("final_lr", final_lr), ("gamma", gamma), ("eps", eps)):
            if not value > 0:
                raise ValueError(f"{name} must be greater than 0, got {value}")
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must be from 0 to below 1, got {betas}")
        options = {"lr": lr, "final_lr": final_lr, "betas": betas, "gamma": gamma, "eps": eps}
        super().__init__(params, options | {"weight_decay": weight_decay})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        group.setdefault("initial_lr", group["lr"])
        group.setdefault("n_steps", 0)

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Take a step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            group["n_steps"] += 1
            moving = [parameter for parameter in group["params"] if parameter.grad is not None]
            if moving:
                self._move(moving, group)
        return loss

    def _move(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        t, (beta1, beta2) = group["n_steps"], group["betas"]
        gradients = [parameter.grad for parameter in parameters]
        if group["weight_decay"]:
            gradients = torch._foreach_add(gradients, parameters, alpha=group["weight_decay"])
        states = [self.state[parameter] for parameter in parameters]
        for parameter, state in zip(parameters, states, strict=True):
            if not state:
                state["m"], state["v"] = (torch.zeros_like(parameter) for _ in range(2))
        m, v = ([state[name] for state in states] for name in "mv")
        torch._foreach_lerp_(m, gradients, 1 - beta1)
        torch._foreach_mul_(v, beta2)
        torch._foreach_addcmul_(v, gradients, gradients, value=1 - beta2)
        step = group["lr"] * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        final = group["final_lr"] * group["lr"] / group["initial_lr"]
        lower, upper = (
            final * (1 - 1 / (group["gamma"] * t + 1)),
            final * (1 + 1 / (group["gamma"] * t)),
        )
        rates = torch._foreach_sqrt(v)
        torch._foreach_add_(rates, group["eps"])
        torch._foreach_reciprocal_(rates)
        torch._foreach_mul_(rates, step)
        torch._foreach_clamp_min_(rates, lower)
        torch._foreach_clamp_max_(rates, upper)
        torch._foreach_addcmul_(parameters, rates, m, value=-1)
