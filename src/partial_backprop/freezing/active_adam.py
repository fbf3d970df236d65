"""Adam and AMSGrad on active entries alone: which kernel steps for which parameters."""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from partial_backprop.freezing.active import ActiveEntries

NONE, COUPLED, DECOUPLED = 0, 1, 2
"""Weight decay: none, a part of the gradient (Adam), or of its own (AdamW)."""

KERNELS = {"cpu": "cpu", "cuda": "triton"}
"""Type of a device -> what compiles its kernel: ``adam_cpu`` or ``adam_triton``, same values."""

MOMENTS = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
"""Names in the optimizer's state; the last with AMSGrad alone."""

_UNUSUAL = ("maximize", "differentiable")


class Job(NamedTuple):
    """One parameter's part in a step."""

    parameter: Tensor
    gradient: Tensor
    """Of the active entries alone."""
    entries: ActiveEntries
    state: dict[str, Any]
    """The optimizer's, compact: ``step``, ``exp_avg``, ``exp_avg_sq`` and ``max_exp_avg_sq``."""
    group: Mapping[str, Any]
    """The optimizer's options for it."""


def decay(group: Mapping[str, Any]) -> int:
    """Tell what kind of weight decay a group has."""
    if not group["weight_decay"]:
        return NONE
    return DECOUPLED if group.get("decoupled_weight_decay", False) else COUPLED


def kernel(
    optimizer: torch.optim.Optimizer,
    group: Mapping[str, Any],
    gradients: Mapping[Tensor, Tensor],
) -> str | None:
    """Find the kernel that can step for some parameters."""
    # A scaler that was not asked to divide gradients leaves it to torch's fused step.
    if not gradients or getattr(optimizer, "grad_scale", None) is not None:
        return None
    name = kernel_for(optimizer, group, gradients)
    if name is None:
        return None
    moments, states = _moments(group), optimizer.state
    fits = all(
        isinstance(states.get(parameter, {}).get("step"), Tensor)
        and all(
            tensor is not None
            and (tensor.device, tensor.dtype) == (gradient.device, gradient.dtype)
            for tensor in (parameter, *map(states[parameter].get, moments))
        )
        for parameter, gradient in gradients.items()
    )
    return name if fits else None


def kernel_for(
    optimizer: torch.optim.Optimizer, group: Mapping[str, Any], parameters: Iterable[Tensor]
) -> str | None:
    """Find the kernel that can step for some parameters once they have a state."""
    if type(optimizer) not in (torch.optim.Adam, torch.optim.AdamW):
        return None
    forms = {(parameter.device, parameter.dtype) for parameter in parameters}
    if len(forms) != 1 or any(map(group.get, _UNUSUAL)):
        return None
    ((device, dtype),) = forms
    refused = group.get("capturable") and device.type == "cpu"  # torch says so
    if refused or any(isinstance(beta, Tensor) for beta in group["betas"]):
        return None
    name = KERNELS.get(device.type) if dtype in (torch.float32, torch.float64) else None
    return name if name is not None and _module(name).works(device) else None


def _moments(group: Mapping[str, Any]) -> tuple[str, ...]:
    return MOMENTS if group["amsgrad"] else MOMENTS[:2]


def label(name: str) -> str:
    """Say what compiled a kernel."""
    return _module(name).label()


def step(name: str, jobs: Sequence[Job]) -> None:
    """Take one step."""
    for parameter, gradient, entries, state, group in jobs:
        moments = [state[key] for key in _moments(group)]
        lengths = {tuple(tensor.shape) for tensor in (gradient, entries.places, *moments)}
        if (
            lengths != {(entries.n_active,)}
            or not all(tensor.is_contiguous() for tensor in (gradient, *moments))
            or (parameter.shape, parameter.stride()) != (entries.shape, entries.strides)
        ):
            raise ValueError("values, gradient, state and positions are not of one mask")
    _module(name).step(jobs)


def gather(values: Tensor, entries: ActiveEntries, found: Tensor | None = None) -> Tensor:
    """Copy the active entries out of a tensor, by a kernel where there is one."""
    if found is None:
        found = values.new_empty(entries.n_active)
    kernel = KERNELS.get(values.device.type)
    if kernel == "cpu" and _module(kernel).gather(values, entries, found):
        return found
    return found.copy_(entries.gather(values))


def _module(name: str) -> Any:
    # Numba takes a second to import, and most who import this module do without.
    return importlib.import_module(f"partial_backprop.freezing.adam_{name}")
