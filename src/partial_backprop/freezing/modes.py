"""Ways to freeze that go together with an optimizer, and its steps that do not."""

from typing import Any

import torch

from partial_backprop.errors import UserError
from partial_backprop.freezing import active_adam
from partial_backprop.mask import Mask

ELEMENTWISE = (
    torch.optim.ASGD,
    torch.optim.Adadelta,
    torch.optim.Adagrad,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.Adamax,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.RMSprop,
    torch.optim.Rprop,
    torch.optim.SGD,
)
"""Optimizers that update each entry by itself: on some entries they do what they do on all."""


def check_mode(mode: str, compact: bool | str, optimizer: torch.optim.Optimizer) -> None:
    """Refuse ways to freeze that do not exist or do not go together."""
    if isinstance(optimizer, torch.optim.LBFGS):
        raise UserError(
            "LBFGS computes new gradients within its step, after the mask: use another optimizer"
        )
    if mode not in ("strict", "gradient"):
        raise UserError(f"unknown mode {mode!r}: choose strict or gradient")
    if compact not in (False, True, "auto"):
        raise UserError(f"unknown compact {compact!r}: choose True, False or 'auto'")
    if compact == "auto":
        return
    if compact and mode != "strict":
        raise UserError("compact=True keeps frozen values by the bit: use mode='strict'")
    if compact and type(optimizer) not in ELEMENTWISE:
        known = ", ".join(kind.__name__ for kind in ELEMENTWISE)
        raise UserError(
            f"compact=True does not know {type(optimizer).__name__}: use one of torch.optim's "
            f"{known}, or compact=False"
        )


SHARE_WITHOUT_KERNEL = 0.5
"""Frozen share from which torch's own steps on vectors of the active entries are faster than dense."""


def saves_time(optimizer: torch.optim.Optimizer, mask: Mask) -> bool:
    """Tell whether compact steps are faster than dense ones with the same mask: ``compact="auto"``."""
    # A rule of types, devices and the frozen share: nothing is timed, so that bits repeat.
    if type(optimizer) not in ELEMENTWISE:
        return False
    groups = optimizer.param_groups
    if all(active_adam.kernel_for(optimizer, group, group["params"]) for group in groups):
        return True
    return mask.n_frozen() >= SHARE_WITHOUT_KERNEL * mask.n_weights()


def unwrapped(optimizer: Any) -> torch.optim.Optimizer:
    """Find the optimizer that steps, below wrappers such as Accelerate's and Lightning's."""
    # A wrapper has no hooks of its own, and names what it wraps ``optimizer``.
    inner = optimizer
    while "_optimizer_step_pre_hooks" not in getattr(inner, "__dict__", {}):
        inner = getattr(inner, "optimizer", None)
        if inner is None:
            raise UserError(
                f"{type(optimizer).__name__} has no hooks on its step: give PartialBackprop the optimizer "
                "of torch.optim that steps"
            )
    return inner


def overflowed(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether a ``GradScaler`` left it to the step to skip itself."""
    found = getattr(optimizer, "found_inf", None)
    return found is not None and bool(found)
