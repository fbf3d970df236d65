"""Hooks on an optimizer's step: they make masks, and freeze what these say."""

import math
import warnings
import weakref
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from partial_backprop.errors import UserError
from partial_backprop.freezing import counts
from partial_backprop.freezing.closure import run_closure
from partial_backprop.freezing.criterion import (
    Criterion,
    are_finite,
    as_callable,
    make_mask,
    trainable,
)
from partial_backprop.freezing.gathering import BatchGatherer
from partial_backprop.freezing.mask_state import MaskState, apply_mask
from partial_backprop.freezing.modes import overflowed, saves_time
from partial_backprop.freezing.optimizer_state import check_state, pack_state
from partial_backprop.freezing.schedule import Schedule
from partial_backprop.freezing.skip import SkippedFilters
from partial_backprop.freezing_report import MadeMask
from partial_backprop.mask import Mask

IN_USE: weakref.WeakKeyDictionary[torch.optim.Optimizer, weakref.WeakSet] = (
    weakref.WeakKeyDictionary()
)
"""Optimizer -> those whose hooks it has."""


class MaskingSteps:
    """The half of `PartialBackprop` that the optimizer calls."""

    # What the other half sets.
    _model: nn.Module
    _optimizer: torch.optim.Optimizer
    _given: Any
    _criterion: Criterion
    _mode: str
    _compact: bool | str
    _schedule: Schedule
    _gatherer: BatchGatherer
    _skip_filters: bool
    _skipped: SkippedFilters
    _state: MaskState | None
    _epoch: int | None
    _n_steps: int | None  # since the epoch began; None where it began in another process
    _masked_at: tuple[int, ...]
    _made: tuple[MadeMask, ...]
    _n_natural_zeros: dict[str, int]
    _warned_of: set[str]
    _sample: tuple[nn.Parameter, int, float] | None
    _hooks: list[Any]

    @property
    def freezes(self) -> bool:
        """Whether a mask is in force: there is one, and the full epochs at the end are not on."""
        has_mask = bool(self._hooks) and self._state is not None
        return has_mask and not self._schedule.is_full(self._epoch)

    @property
    def mask_is_due(self) -> bool:
        """Whether the next step makes a mask, of the gradients that it is given."""
        if self._epoch is None or not self._hooks:
            return False
        return self._schedule.is_due(self._epoch, self._masked_at)

    def _register_hooks(self, replace: bool = False) -> None:
        """Hook into the optimizer's step, in the place of another of the same parameters."""
        mine = {id(p) for p in trainable(self._model, self._optimizer).values()}
        others = IN_USE.setdefault(self._optimizer, weakref.WeakSet())
        for other in list(others) if replace else []:
            if mine & {id(p) for p in other._model.parameters()}:
                warnings.warn(
                    "this PartialBackprop replaces an earlier one of the same optimizer: call the "
                    "earlier one's close() to say that this is meant",
                    stacklevel=3,
                )
                other.close()
        others.add(self)
        optimizer = self._optimizer
        self._hooks = [
            optimizer.register_step_pre_hook(self._before_step),
            optimizer.register_step_post_hook(self._after_step),
        ]
        if self._compact:
            self._hooks.append(optimizer.register_state_dict_post_hook(pack_state))

    def __getstate__(self) -> dict[str, Any]:
        """Copy it, together with model and optimizer, without hooks."""
        return self.__dict__ | {"_hooks": [None] * len(self._hooks), "_criterion": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Register the hooks of a copy with the copied optimizer."""
        self.__dict__.update(state)
        self._criterion = as_callable(self._given, self._optimizer)  # of its own learning rate
        self._skipped.remove()  # layers of a copied model are plain
        if self.mask_is_due:
            self._gatherer.watch()
        if self._hooks:
            self._register_hooks()
        if self._skip_filters and self.freezes and not self.mask_is_due:
            self._skipped = SkippedFilters(self._model, self._state.mask())

    def _make_mask_if_due(self, waits: bool) -> bool:
        """Make a mask of the gradients as they are, if one is due; tell whether it was made."""
        if self._epoch is None:
            raise UserError("no epoch has begun: call begin_epoch(epoch) at the top of each epoch")
        if not self.mask_is_due:
            return False
        named = trainable(self._model, self._optimizer)
        gradients = {name: p.grad for name, p in named.items() if p.grad is not None}
        if waits and not are_finite(gradients):
            return False
        scale = getattr(self._optimizer, "grad_scale", None)  # a fused step divides by it itself
        if scale is not None:
            gradients = {name: gradient / scale for name, gradient in gradients.items()}
        if not self._gatherer.add(gradients):
            return False
        where = f"no mask can be made at epoch {self._epoch}"
        given = self._gatherer.finish(gradients, named)
        mask = make_mask(self._criterion, given, where)
        self._n_natural_zeros = counts.zero_gradients(given)
        compact = self._compact is True or (
            self._compact == "auto" and self._mode == "strict" and saves_time(self._optimizer, mask)
        )
        before, self._warned_of = self._state, set()
        self._apply_mask(mask, compact, before=before)
        self._masked_at = (*self._masked_at, self._epoch)
        self._made = (*self._made, counts.made(self._epoch, mask, self._n_natural_zeros))
        return True

    def _apply_mask(self, mask: Mask, compact: bool, **how: Any) -> None:
        self._state = apply_mask(
            self._optimizer,
            trainable(self._model, self._optimizer, frozen_too=True),
            mask,
            strict=self._mode == "strict",
            compact=compact,
            applies=not self._schedule.is_full(self._epoch),
            **how,
        )
        if self._skip_filters and self.freezes:
            self._skipped = SkippedFilters(self._model, self._state.mask())

    def _warn_of_changes(self, written_only: bool = False) -> None:
        self._state.find_changes(written_only)
        if new := self._state.changed - self._warned_of:
            self._warned_of |= new
            warnings.warn(
                f"frozen values of {list_names(new)} were changed by something else than the optimizer's "
                "step (weights loaded back or averaged, a norm that is held): they stay frozen as "
                "they are now",
                stacklevel=3,
            )

    def _largest_gradient(self) -> tuple[nn.Parameter, int, float]:
        """Note a gradient that a mask is made of."""
        found = [p for p in self._state.parameters.values() if p.grad is not None]
        parameter = max(found, key=lambda p: float(p.grad.abs().max()) if p.numel() else 0.0)
        index = int(parameter.grad.abs().argmax())
        return parameter, index, float(parameter.grad.reshape(-1)[index].abs())

    def _warn_if_scaled(self) -> None:
        """Warn of a mask of gradients that ``GradScaler`` has unscaled only afterwards."""
        if self._sample is None:
            return
        (parameter, index, then), self._sample = self._sample, None
        scale = getattr(self._optimizer, "grad_scale", None)
        if scale is None and parameter.grad is not None:
            now = float(parameter.grad.reshape(-1)[index].abs())
            scale = then / now if now else 1.0
        # Scales of GradScaler are powers of 2; clipping divides by other numbers.
        if scale is not None and float(scale) > 1 and math.frexp(float(scale))[0] == 0.5:
            warnings.warn(
                f"the mask was made of gradients {float(scale):g} times as large as those of the "
                "step, which a fixed threshold would not allow for: call "
                "scaler.unscale_(optimizer) before pb.after_backward()",
                stacklevel=4,
            )

    @torch.no_grad()
    def _before_step(
        self, _: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        result, args, kwargs = run_closure(self._optimizer, args, kwargs)
        self._n_steps = (self._n_steps or 0) + 1
        # A closure may skip its batch, as Lightning's does where `training_step` returns None.
        skips = result is not None and all(p.grad is None for p in self._parameters())
        if not overflowed(self._optimizer) and not skips:  # or else the step does nothing
            self._warn_if_scaled()
            self._make_mask_if_due(waits=False)
        if self._gatherer.suppresses_step:
            self._gatherer.hide_gradients(self._optimizer)
        else:
            self._freeze_for_step()
        if result is not None:
            result.expect_call()
        return args, kwargs

    def _freeze_for_step(self) -> None:
        if not self.freezes or not self._state.is_compact:
            check_state(self._optimizer, self._parameters(), {})
        if self.freezes:
            self._warn_of_changes(written_only=True)
            self._state.before_step()

    @torch.no_grad()
    def _after_step(self, *_: object) -> None:
        was_suppressed = self._gatherer.suppresses_step
        self._gatherer.after_step()
        if self.freezes and not was_suppressed:
            self._state.after_step()

    def _parameters(self) -> list[nn.Parameter]:
        return list(trainable(self._model, self._optimizer, frozen_too=True).values())


def list_names(names: set[str]) -> str:
    """List names in a message."""
    first = ", ".join(map(repr, sorted(names)[:3]))
    return f"{first} and {len(names) - 3} more" if len(names) > 3 else first
