"""What the trainers of others have in common: PartialBackprop on their model and optimizer."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from partial_backprop.freezing.criterion import Criterion, as_callable
from partial_backprop.freezing.modes import unwrapped
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.freezing.processes import agreed, are_several


def check(criterion: Criterion | str | Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Refuse a criterion or options before a trainer has set up anything."""
    as_callable(criterion)
    inspect.signature(PartialBackprop).bind(None, None, criterion, **options)


def attach_to(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    criterion: Criterion | str | Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    before: PartialBackprop | None = None,
    state: Mapping[str, Any] | None = None,
) -> PartialBackprop:
    """Make a PartialBackprop of a bare model, whose masks are compared between the processes of a trainer."""
    # The model's wrapper, which knows the processes, may not be at hand.
    optimizer = unwrapped(optimizer)
    if are_several():
        criterion = agreed(as_callable(criterion, optimizer))
    if before is not None:
        before.close()
    pb = PartialBackprop(model, optimizer, criterion, **options)
    if state is not None:
        pb.load_state_dict(state)
    return pb
