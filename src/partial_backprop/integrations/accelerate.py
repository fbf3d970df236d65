"""PartialBackprop beside Accelerate, which leaves the loop to you."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from partial_backprop.freezing.criterion import Criterion
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.integrations.attach import attach_to


def attach(
    accelerator: Any,
    model: nn.Module,
    optimizer: Any,
    criterion: Criterion | str | Mapping[str, Any],
    **options: Any,
) -> PartialBackprop:
    """Freeze weights of what Accelerate has prepared.

    Its state goes into ``accelerator.save_state()`` and comes back with ``load_state()``. Where processes
    train together, their masks are compared.

    Parameters
    ----------
    accelerator : accelerate.Accelerator
        What has prepared the two.
    model : nn.Module
        The model, as ``accelerator.prepare`` returned it.
    optimizer : accelerate.optimizer.AcceleratedOptimizer
        Its optimizer, likewise.
    criterion : callable, str or mapping
        Which weights freeze, as of `PartialBackprop`.
    **options : Any
        Other arguments of `PartialBackprop`.

    Returns
    -------
    PartialBackprop
        Call its `begin_epoch` at the top of each epoch, and its `after_backward` before clipping.

    Raises
    ------
    UserError
        If the criterion is unknown or lacks an option, or the optimizer has none of the model's parameters.
    """
    pb = attach_to(accelerator.unwrap_model(model), optimizer, criterion, options)
    accelerator.register_for_checkpointing(pb)
    return pb
