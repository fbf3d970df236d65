"""PartialBackprop as a callback of the Trainer of Transformers."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from partial_backprop.freezing.criterion import Criterion
from partial_backprop.freezing.modes import unwrapped
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.integrations.attach import attach_to, check

SAVED = "partial_backprop"
"""Key of our state in the first group of the optimizer's: the Trainer saves and loads that, and shows a
callback no file of its own."""


class PartialBackpropCallback(TrainerCallback):
    """Freeze weights while Transformers trains: ``Trainer(..., callbacks=[PartialBackpropCallback(...)])``.

    Masks are made before gradients are clipped, and are in the Trainer's checkpoints, in ``optimizer.pt``.

    Parameters
    ----------
    criterion : callable, str or mapping
        Which weights freeze, as of `PartialBackprop`.
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

    Notes
    -----
    The Trainer calls nothing between the backward pass and its clipping. Therefore ``max_grad_norm`` is 0
    meanwhile, and this callback clips, after masking, as the Trainer would have; the norm that it logs is
    that of all gradients as they were.
    """

    def __init__(self, criterion: Criterion | str | Mapping[str, Any], **options: Any) -> None:
        check(criterion, options)
        self._criterion, self._options = criterion, options
        self._max_norm: float | None = None
        """What was taken out of the arguments until the step."""
        self._hook: Any = None
        self.pb: PartialBackprop | None = None

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module | None = None,
        optimizer: Any = None,
        **kwargs: Any,
    ) -> None:
        """Attach to the optimizer, once the Trainer has made it and loaded its state."""
        self._give_back_max_norm(args)
        if self._hook is not None:
            self._hook.remove()  # of an earlier training, or one that began with another batch size
        optimizer = unwrapped(optimizer)
        saved = optimizer.param_groups[0].pop(SAVED, None)
        given = model, optimizer, self._criterion, self._options
        self.pb = attach_to(*given, before=self.pb, state=saved)
        self._hook = optimizer.register_state_dict_post_hook(self._add_state)

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Say that an epoch begins."""
        self.pb.begin_epoch(int(state.epoch or 0))

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Keep the Trainer from clipping what is not masked."""
        if self._max_norm is None:
            self._max_norm, args.max_grad_norm = args.max_grad_norm, 0.0

    def on_pre_optimizer_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module | None = None,
        **kwargs: Any,
    ) -> None:
        """Make the mask if one is due, mask gradients, and clip them."""
        self._give_back_max_norm(args)
        self.pb.after_backward()
        if args.max_grad_norm:
            torch.nn.utils.clip_grad_norm_(model.parameters(), args.max_grad_norm)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Leave the arguments as they were, where an epoch ends before a step."""
        self._give_back_max_norm(args)

    def _give_back_max_norm(self, args: TrainingArguments) -> None:
        if self._max_norm is not None:
            args.max_grad_norm, self._max_norm = self._max_norm, None

    def _add_state(self, _: torch.optim.Optimizer, saved: dict[str, Any]) -> dict[str, Any]:
        saved["param_groups"][0][SAVED] = self.pb.state_dict()
        return saved
