"""When a mask is made, and when it applies."""

from dataclasses import dataclass

from partial_backprop.errors import UserError


@dataclass(frozen=True)
class Schedule:
    """Epochs of partial backpropagation, from 0."""

    start_epoch: int  # first one with a mask
    remask_every: int | None = None  # epochs from one mask to the next; None: one mask for good
    full_epochs_at_end: int = 0  # last ones, without a mask
    epochs: int | None = None  # in all

    def __post_init__(self) -> None:
        """Check that the numbers are in range."""
        lowest = {"start_epoch": 0, "remask_every": 1, "full_epochs_at_end": 0, "epochs": 1}
        for name, least in lowest.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UserError(f"{name} must be at least {least}, got {value}")
        if self.epochs is None:
            if self.full_epochs_at_end:
                raise UserError("full_epochs_at_end needs to know the end: give epochs too")
        elif self.start_epoch + self.full_epochs_at_end >= self.epochs:
            raise UserError(
                f"no epoch is left for the mask: start_epoch {self.start_epoch} and "
                f"{self.full_epochs_at_end} full epochs at the end use up all {self.epochs} epochs"
            )

    def check(self, epoch: int, last: int | None) -> None:
        """Check that an epoch may begin."""
        if epoch < (last or 0):
            raise UserError(
                f"epoch {epoch} cannot begin after epoch {last or 0}: count epochs upwards from 0, "
                "and use a new PartialBackprop for a new training"
            )
        if self.epochs is not None and epoch >= self.epochs:
            raise UserError(
                f"epoch {epoch} lies beyond the last, {self.epochs - 1}: give more epochs"
            )

    def is_full(self, epoch: int) -> bool:
        """Tell whether an epoch is one of the full ones at the end."""
        return self.epochs is not None and epoch >= self.epochs - self.full_epochs_at_end

    def is_due(self, epoch: int, masked_at: tuple[int, ...]) -> bool:
        """Tell whether an epoch needs a mask that has not been made."""
        if epoch < self.start_epoch or self.is_full(epoch):
            return False
        if not masked_at or self.remask_every is None:
            return not masked_at
        period, last_period = (
            (at - self.start_epoch) // self.remask_every for at in (epoch, masked_at[-1])
        )
        return period > last_period
