"""PartialBackprop as a callback of Lightning's Trainer."""

from collections.abc import Mapping
from typing import Any

import torch

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ModuleNotFoundError:  # the same under its older name
    from pytorch_lightning import Callback, LightningModule, Trainer

from partial_backprop.errors import UserError
from partial_backprop.freezing.criterion import Criterion
from partial_backprop.freezing.modes import unwrapped
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.integrations.attach import attach_to, check


class PartialBackpropCallback(Callback):
    """Freeze weights while Lightning trains: ``Trainer(callbacks=[PartialBackpropCallback(...)])``.

    Masks are made before Lightning clips gradients, and are in its checkpoints.

    Parameters
    ----------
    criterion : callable, str or mapping
        Which weights freeze, as of `PartialBackprop`.
    optimizer : int, optional
        Which of the module's optimizers, from 0; needed where it has several. Give a callback for each.
    **options : Any
        Other arguments of `PartialBackprop`.

    Attributes
    ----------
    pb : PartialBackprop or None
        From the beginning of the training on: its `report` and `summary` say what was frozen.

    Raises
    ------
    UserError
        If the criterion is unknown or lacks an option.
    """

    def __init__(
        self,
        criterion: Criterion | str | Mapping[str, Any],
        optimizer: int | None = None,
        **options: Any,
    ) -> None:
        check(criterion, options)
        self._criterion, self._index, self._options = criterion, optimizer, options
        self._optimizer: torch.optim.Optimizer | None = None
        self._loaded: dict[str, Any] | None = None
        self.pb: PartialBackprop | None = None

    @property
    def state_key(self) -> str:
        """Name in a checkpoint, of its own for each optimizer."""
        return self._generate_state_key(optimizer=self._index or 0)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Attach to the optimizer, once Lightning has made it and loaded its state."""
        n_optimizers = len(trainer.optimizers)
        if self._index is None and n_optimizers != 1:
            raise UserError(
                f"{type(pl_module).__name__} has {n_optimizers} optimizers: say which, as in "
                "PartialBackpropCallback(..., optimizer=0)"
            )
        state, self._loaded = self._loaded, None
        if self.pb is not None and state is None and trainer.current_epoch:
            state = self.pb.state_dict()  # the same training goes on
        self._optimizer = unwrapped(trainer.optimizers[self._index or 0])
        given = pl_module, self._optimizer, self._criterion, self._options
        self.pb = attach_to(*given, before=self.pb, state=state)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say that an epoch begins."""
        self.pb.begin_epoch(trainer.current_epoch)

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Make the mask if one is due, and mask gradients, before Lightning clips them."""
        # Where `training_step` returned None there are no gradients, and the step does nothing.
        if unwrapped(optimizer) is self._optimizer and any(
            p.grad is not None for group in self._optimizer.param_groups for p in group["params"]
        ):
            self.pb.after_backward()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        if self.pb is None or self._loaded is not None:
            return self._loaded or {}
        return self.pb.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep what a checkpoint has until training begins."""
        self._loaded = state_dict or None
