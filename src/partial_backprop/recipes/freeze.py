"""Partial backpropagation as a configuration asks for it."""

from typing import Any

from partial_backprop.errors import UserError
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.run_config import RunConfig
from partial_backprop.training.loop import Hooks, TrainState


def partial_backprop(
    train_state: TrainState, config: RunConfig, compact: bool = False
) -> PartialBackprop | None:
    """Build the method that an arm trains with."""
    freezing = config.freezing
    if freezing is None:
        return None
    criterion = criterion_of(config)
    try:
        return PartialBackprop(
            train_state.model,
            train_state.optimizer,
            criterion=criterion,
            start_epoch=freezing.start_epoch,
            mode=freezing.mode,
            remask_every=freezing.remask_every,
            full_epochs_at_end=freezing.full_epochs_at_end,
            epochs=config.training.epochs,
            # The only criterion whose frozen weights are of whole filters.
            skip_filters=criterion["name"] == "filters",
            mask_batches=freezing.mask_batches,
            compact=compact,
        )
    except ValueError as error:
        raise UserError(f"freezing of {config.experiment}/{config.arm}: {error}") from None


def criterion_of(config: RunConfig) -> dict[str, Any]:
    """Return the criterion of an arm."""
    criterion = dict(config.freezing.criterion)
    if criterion.get("seed", 0) is None:
        criterion["seed"] = config.seed
    return criterion


def hooks(pb: PartialBackprop | None) -> Hooks:
    """Hang the method into a training loop."""
    if pb is None:
        return Hooks()
    return Hooks(
        begin_epoch=pb.begin_epoch,
        mask_is_due=lambda: pb.mask_is_due,
        after_backward=pb.after_backward,
    )
