"""DessiLBI: gradient descent whose weights are coupled to a sparse path (dessilbi2020).

W: weights, V: what the path integrates, Γ: the sparse weights, L: loss of a batch.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import ParamsT

from partial_backprop.optim.prox import axes_within, group_norms, shrink

Group = dict[str, Any]
"""Parameters with their options, as torch keeps them."""


class DessiLBI(torch.optim.Optimizer):
    """Split linearized Bregman iteration in discrete time, with momentum and weight decay.

    A step is ``W⁺ = W − κα (∇L + (W − Γ)/ν)``, ``V⁺ = V − (α/ν) (Γ − W)``, ``Γ⁺ = κ · prox(V⁺)``, where
    ``prox`` shortens every group by λ, and V and Γ begin at zero. A group of weights enters the support
    of Γ after about ``λν / (α ‖W_g‖)`` steps.

    Parameters
    ----------
    params : iterable of Parameter, of (str, Parameter) or of dict
        What to train. Output filters are the groups of a convolution; biases and normalisations have
        no Γ and descend as in SGD, at the rate κα and without weight decay. Weights of transposed
        convolutions go into a dict with an `output_axis` of 1 (see `optim.by_output`).
    lr : float
        Step size α, from 0 up. The weights descend at the rate κα.
    kappa : float
        Scale κ of Γ, greater than 0.
    nu : float
        How loosely W is coupled to Γ, ν, greater than 0; infinity gives SGD.
    lam : float
        Length λ that a group of V must exceed to enter, from 0 up.
    momentum : float
        In [0, 1). It acts on the gradient of the loss, and not on the coupling.
    weight_decay : float
        From 0 up; added to the gradient of the loss of weights that have a Γ, as in SGD.
    linear_groups : {"elements", "rows"}
        Whether a group of a linear layer is a single weight, or all that one unit reads.
    scaled_norm : bool
        Whether the length of a group g of V is ‖V_g‖/√|g|, as in the public code for winning tickets, so
        that large groups enter no sooner than small ones.
    nesterov : bool
        Whether the momentum is Nesterov's.
    decay_all : bool
        Whether `weight_decay` acts on parameters without a Γ too.
    output_axis : {0, 1}
        Axis of the output channels of convolutions: 1 where they are transposed.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    V and Γ move together with W: the W and Γ on the right are those before the step. Where ν is
    infinite, a step is torch's ``SGD`` at the rate κα, but for the weight decay of biases and
    normalisations.

    *Departures.* The source gives no place to the weight decay; here it is a part of the gradient to
    which momentum applies, as in torch's ``SGD``. Momentum applies to biases and normalisations too.

    References
    ----------
    dessilbi2020; Fu et al., "DessiLBI: exploring structural sparsity of deep networks via differential
    inclusion paths", ICML 2020, section 3.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 0.1,
        *,
        kappa: float = 1.0,
        nu: float = 100.0,
        lam: float = 1.0,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        linear_groups: str = "elements",
        scaled_norm: bool = False,
        nesterov: bool = False,
        decay_all: bool = False,
        output_axis: int = 0,
    ) -> None:
        options: Group = {"lr": lr, "kappa": kappa, "nu": nu, "lam": lam, "momentum": momentum}
        options |= {"weight_decay": weight_decay, "linear_groups": linear_groups}
        options |= {"scaled_norm": scaled_norm, "nesterov": nesterov, "decay_all": decay_all}
        super().__init__(params, options | {"output_axis": output_axis})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a state, and give one of an earlier version the options that it lacks."""
        super().__setstate__(state)
        for group in self.param_groups:
            for name in ("scaled_norm", "nesterov", "decay_all"):
                group.setdefault(name, False)
            group.setdefault("output_axis", 0)
        for found in self.state.values():
            if "gamma" in found:
                found.setdefault("step", torch.ones(()))

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters, with V and Γ at zero.

        Parameters
        ----------
        param_group : dict
            ``params``, and options that differ from those of the optimizer.

        Raises
        ------
        ValueError
            If an option is out of range.
        """
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        _check(group)
        group.setdefault("n_steps", 0)
        for parameter in group["params"]:
            state = self.state[parameter]
            if group["momentum"]:
                state["moment"] = torch.zeros_like(parameter)
            axes = _axes(parameter, group)
            if axes is not None:
                state["step"] = torch.zeros(())
                state["v"], state["gamma"] = (torch.zeros_like(parameter) for _ in range(2))
                state["entered"] = torch.full_like(group_norms(state["v"], axes), math.inf)

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Take a step.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and its gradients anew.

        Returns
        -------
        Tensor or None
            The loss, where there is a closure.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            group["n_steps"] += 1
            moving = [parameter for parameter in group["params"] if parameter.grad is not None]
            coupled = [parameter for parameter in moving if "gamma" in self.state[parameter]]
            free = [parameter for parameter in moving if "gamma" not in self.state[parameter]]
            if free:
                rate = group["kappa"] * group["lr"]
                weight_decay = group["weight_decay"] if group["decay_all"] else 0.0
                torch._foreach_add_(free, self._descent(free, group, weight_decay), alpha=-rate)
            if coupled:
                self._move(coupled, group)
        return loss

    def _move(self, weights: list[nn.Parameter], group: Group) -> None:
        alpha, kappa, nu = group["lr"], group["kappa"], group["nu"]
        states = [self.state[weight] for weight in weights]
        descent = self._descent(weights, group, group["weight_decay"])
        gap = torch._foreach_sub(weights, [state["gamma"] for state in states])
        torch._foreach_add_(weights, descent, alpha=-kappa * alpha)
        torch._foreach_add_(weights, gap, alpha=-kappa * alpha / nu)
        torch._foreach_add_([state["v"] for state in states], gap, alpha=alpha / nu)
        torch._foreach_add_([state["step"] for state in states], 1)
        for weight, state in zip(weights, states, strict=True):
            axes = _axes(weight, group)
            shrunk, inside = shrink(state["v"], _threshold(weight, group), axes)
            state["gamma"] = shrunk if kappa == 1 else shrunk.mul_(kappa)
            # This step for groups inside, infinity for those outside: the minimum is the first step.
            step = inside.reciprocal_().mul_(group["n_steps"])
            torch.minimum(state["entered"], step, out=state["entered"])

    def _descent(
        self, parameters: list[nn.Parameter], group: Group, weight_decay: float
    ) -> list[Tensor]:
        """Return ∇L with weight decay, or its momentum: what SGD would descend along."""
        gradients = [parameter.grad for parameter in parameters]
        if weight_decay:
            gradients = torch._foreach_add(gradients, parameters, alpha=weight_decay)
        if not group["momentum"]:
            return gradients
        moments = [self.state[parameter]["moment"] for parameter in parameters]
        torch._foreach_mul_(moments, group["momentum"])
        torch._foreach_add_(moments, gradients)
        if group["nesterov"]:
            return torch._foreach_add(gradients, moments, alpha=group["momentum"])
        return moments

    def _coupled(self) -> Iterator[tuple[nn.Parameter, Group, tuple[int, ...]]]:
        for group in self.param_groups:
            for parameter in group["params"]:
                axes = _axes(parameter, group)
                if axes is not None:
                    yield parameter, group, axes

    def gamma_norms(self) -> dict[nn.Parameter, Tensor]:
        """Compute the length of every group of Γ.

        Returns
        -------
        dict of Parameter to Tensor
            Weight to ‖Γ_g‖₂, of the weight's shape but for a length of 1 along axes within a group.
        """
        return {
            weight: group_norms(self.state[weight]["gamma"], axes)
            for weight, _, axes in self._coupled()
        }

    def order(self) -> dict[nn.Parameter, Tensor]:
        """Tell when each group entered the support of Γ for the first time.

        Returns
        -------
        dict of Parameter to Tensor
            Weight to the step, from 1, of each of its groups, in the shapes of `gamma_norms`; infinity
            for a group that has not entered. Exact up to 2²⁴ steps in single precision.
        """
        return {weight: self.state[weight]["entered"].clone() for weight, _, _ in self._coupled()}

    def support(self) -> dict[nn.Parameter, Tensor]:
        """Tell which groups are inside the support of Γ.

        Returns
        -------
        dict of Parameter to Tensor of bool
            Weight to a mask that broadcasts to it, in the shapes of `gamma_norms`. A weight that took part
            in no step, as one that is frozen by hand, has no path and counts as inside whole.
        """
        found = {}
        for weight, group, axes in self._coupled():
            state = self.state[weight]
            inside = group_norms(state["v"], axes) > _threshold(weight, group)
            is_frozen = group["n_steps"] > 0 and not state["step"]
            found[weight] = torch.ones_like(inside) if is_frozen else inside
        return found

    @contextmanager
    def sparse_model(self) -> Iterator[None]:
        """Set the weights outside the support of Γ to zero, as long as the context lasts.

        Yields
        ------
        None
            The network's weights are W masked by the support; afterwards they are W again.
        """
        dense = {weight: weight.detach().clone() for weight, _, _ in self._coupled()}
        try:
            with torch.no_grad():
                for weight, inside in self.support().items():
                    weight.masked_fill_(~inside, 0)
            yield
        finally:
            with torch.no_grad():
                for weight, values in dense.items():
                    weight.copy_(values)


def _axes(parameter: Tensor, group: Group) -> tuple[int, ...] | None:
    return axes_within(parameter, group["linear_groups"], group["output_axis"])


def _threshold(weight: Tensor, group: Group) -> float:
    """Return the length above which a group of V enters: λ, or λ√|g|."""
    if not group["scaled_norm"]:
        return group["lam"]
    return group["lam"] * math.prod(weight.shape[axis] for axis in _axes(weight, group)) ** 0.5


def _check(group: Group) -> None:
    for name in ("kappa", "nu"):
        if not group[name] > 0:
            raise ValueError(f"{name} must be greater than 0, got {group[name]}")
    for name in ("lr", "lam", "weight_decay"):
        if not group[name] >= 0:
            raise ValueError(f"{name} must be 0 or more, got {group[name]}")
    if not 0 <= group["momentum"] < 1:
        raise ValueError(f"momentum must be from 0 to below 1, got {group['momentum']}")
    if group["nesterov"] and not group["momentum"]:
        raise ValueError("nesterov needs a momentum greater than 0")
    if group["output_axis"] not in (0, 1):
        raise ValueError(f"output_axis must be 0 or 1, got {group['output_axis']}")
