"""Adam and AMSGrad on active entries alone: which kernel steps for which parameters."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from partial_backprop.freezing.active import ActiveEntries

NONE, COUPLED, DECOUPLED = 0, 1, 2
"""Weight decay: none, a part of the gradient (Adam), or of its own (AdamW)."""

KERNELS = {"cpu": "numba", "cuda": "triton"}
"""Type of a device -> what compiles its kernel: ``adam_numba`` or ``adam_triton``, same values."""

_UNUSUAL = ("maximize", "differentiable")


class Job(NamedTuple):
    """One parameter's part in a step."""

    parameter: Tensor
    """With its gradient."""
    entries: ActiveEntries
    state: dict[str, Any]
    """The optimizer's, compact: ``step``, ``exp_avg``, ``exp_avg_sq`` and ``max_exp_avg_sq``."""
    group: Mapping[str, Any]
    """The optimizer's options for it."""


def decay(group: Mapping[str, Any]) -> int:
    """Tell what kind of weight decay a group has.

    Parameters
    ----------
    group : mapping
        Options of Adam or AdamW.

    Returns
    -------
    {NONE, COUPLED, DECOUPLED}
        The kind.
    """
    if not group["weight_decay"]:
        return NONE
    return DECOUPLED if group.get("decoupled_weight_decay", False) else COUPLED


def kernel(
    optimizer: torch.optim.Optimizer, group: Mapping[str, Any], parameters: Sequence[Tensor]
) -> str | None:
    """Find the kernel that can step for some parameters.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Any.
    group : mapping
        One of its groups.
    parameters : sequence of Tensor
        Some of the group, with gradients.

    Returns
    -------
    {"numba", "triton"} or None
        A kernel for Adam and AdamW with their usual options, on parameters of single or double
        precision on one device that have a state; None for all else, and where what compiles it is
        missing.
    """
    if type(optimizer) not in (torch.optim.Adam, torch.optim.AdamW) or not parameters:
        return None
    # A scaler that was not asked to divide gradients leaves it to torch's fused step.
    if any(map(group.get, _UNUSUAL)) or getattr(optimizer, "grad_scale", None) is not None:
        return None
    device = parameters[0].device
    refused = group.get("capturable") and device.type == "cpu"  # torch says so
    if refused or any(isinstance(beta, Tensor) for beta in group["betas"]):
        return None
    fits = all(
        parameter.device == device
        and parameter.dtype in (torch.float32, torch.float64)
        and parameter.grad.dtype == parameter.dtype
        and "exp_avg" in optimizer.state.get(parameter, {})
        for parameter in parameters
    )
    name = KERNELS.get(device.type) if fits else None
    return name if name is not None and _module(name).works(device) else None


def step(name: str, jobs: Sequence[Job]) -> None:
    """Take one step.

    Parameters
    ----------
    name : {"numba", "triton"}
        What `kernel` has found for each of them.
    jobs : sequence of Job
        Parameters with gradients; values and states are altered in place.
    """
    _module(name).step(jobs)


def _module(name: str) -> Any:
    # Numba takes a second to import, and most who import this module do without.
    return importlib.import_module(f"partial_backprop.freezing.adam_{name}")
