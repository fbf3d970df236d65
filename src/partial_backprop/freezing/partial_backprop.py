"""Partial backpropagation for anyone's training loop."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from partial_backprop.errors import UserError
from partial_backprop.freezing import counts
from partial_backprop.freezing.changes import buffer_digests, changes
from partial_backprop.freezing.criterion import Criterion, as_callable, trainable
from partial_backprop.freezing.gathering import BatchGatherer
from partial_backprop.freezing.mask_state import check_saved, renamed
from partial_backprop.freezing.masking import IN_USE, MaskingSteps, list_names
from partial_backprop.freezing.modes import check_mode, unwrapped
from partial_backprop.freezing.processes import agreed, unwrapped_model
from partial_backprop.freezing.schedule import Schedule
from partial_backprop.freezing.scores import needs_of
from partial_backprop.freezing.skip import SkippedFilters
from partial_backprop.freezing.watch import check_same
from partial_backprop.freezing_report import FreezingReport, MadeMask
from partial_backprop.mask import Mask
from partial_backprop.storage import delta


class PartialBackprop(MaskingSteps):
    """Freeze the weights with uninformative gradients, from a given epoch on.

    On the first step of the epoch `start_epoch` a criterion looks at the gradients and decides
    which weights stay active. From that very step on the gradients of the others are set to 0.
    Hooks on the optimizer's ``step`` see to it, so that a loop needs only `begin_epoch`.

    Parameters
    ----------
    model : nn.Module
        The network, or ``DistributedDataParallel`` of it: then masks are compared between its processes.
    optimizer : torch.optim.Optimizer
        Any but LBFGS; fused, foreach or plain; a wrapper of Accelerate or Lightning stands for what it
        wraps. A closure is run once, before the mask is made.
    criterion : callable, str or mapping
        From gradients by parameter name to a `Mask`, such as
        ``functools.partial(fixed.mask, threshold=0.04)``; or the name of a module of
        ``partial_backprop.freezing``; or a mapping with that name and its options.
    start_epoch : int, default=2
        Epoch, from 0, on whose first step the mask is made: the number Ω of full epochs before.
    mode : {"strict", "gradient"}, default="strict"
        ``strict``: the values of frozen weights never change by a bit, as the text of the paper
        says; ``gradient``: only their gradients are set to 0, as in the paper's listing, and
        momentum, weight decay and running averages still move them.
    remask_every : int, optional
        Make a new mask every so many epochs after `start_epoch`; None: one mask for good.
    full_epochs_at_end : int, default=0
        Last epochs, with full backpropagation; needs `epochs`.
    epochs : int, optional
        Number of epochs in all.
    compact : bool or "auto", default=False
        Keep the optimizer's state, gradients and steps for active entries alone (`CompactMaskState`);
        ``strict`` only, with an optimizer of ``torch.optim`` that works entry by entry. Weights come out
        the same to a rounding, until a frozen one becomes active again: by a new mask, or in the full
        epochs at the end, it begins with moments of 0. ``auto``: where that is faster, by a rule of
        optimizer, device and frozen share (`modes.saves_time`).
    skip_filters : bool, default=False
        Compute no weight gradients of filters that are frozen whole, and no backward pass of early
        layers that are (`skip.SkippedFilters`); with any criterion, worth while with ``filters``.
    mask_batches : int, default=1
        Steps whose gradients make a mask. All but the last change no weight and make no state.

    Raises
    ------
    UserError
        If the criterion is unknown or lacks an option, a number is out of range, the optimizer
        has none of the model's parameters, or `compact` does not fit mode or optimizer.

    Notes
    -----
    A step never changes a frozen value; what is written otherwise stays, with a warning. Another one on
    the same parameters and optimizer is closed, with a warning.

    What is frozen: entries of the parameters that require a gradient, are in a group of the
    optimizer, and have a gradient at the making of the mask. All other parameters stay out of mask
    and report. A tied weight is one parameter, under its first name. Running statistics of batch
    normalisation are no parameters: they go on moving.

    The mask is made of the gradients as they stand at the first step of the epoch: accumulated over
    all its backward passes, and clipped and scaled if that is done before `after_backward`, or
    before ``step`` where `after_backward` is not called. With ``torch.amp.GradScaler`` call
    ``scaler.unscale_(optimizer)`` and then `after_backward`.

    *Departures.* The listing's ``start_pb_epoch = 1`` and ``epoch > start_pb_epoch`` say what
    ``start_epoch=2`` says here. The listing masks all parameters of the network and fails for one
    without gradient.

    References
    ----------
    pb2020, section 3.2 and the listing's ``zeroGrad``.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        criterion: Criterion | str | Mapping[str, Any],
        start_epoch: int = 2,
        mode: str = "strict",
        remask_every: int | None = None,
        full_epochs_at_end: int = 0,
        epochs: int | None = None,
        compact: bool | str = False,
        skip_filters: bool = False,
        mask_batches: int = 1,
    ) -> None:
        optimizer, (model, group) = unwrapped(optimizer), unwrapped_model(model)
        check_mode(mode, compact, optimizer)
        self._schedule = Schedule(start_epoch, remask_every, full_epochs_at_end, epochs)
        self._given, self._criterion = criterion, as_callable(criterion, optimizer)
        if group is not None:
            self._criterion = agreed(self._criterion, group)
        self._model, self._optimizer, self._mode, self._compact = model, optimizer, mode, compact
        self._gatherer = BatchGatherer(model, mask_batches, needs_of(criterion), group)
        self._buffers = buffer_digests(model)
        self._epoch = self._n_steps = self._state = self._sample = None
        self._masked_at, self._made = (), ()
        self._skip_filters, self._skipped = skip_filters, SkippedFilters(model, {})
        self._n_natural_zeros, self._warned_of, self._warned_of_steps = {}, set(), False
        self._hooks: list[Any] = []
        self._register_hooks(replace=True)

    @property
    def mask(self) -> Mask | None:
        """The last mask that was made; None before the first."""
        return self._state.mask() if self._state is not None else None

    @property
    def threshold(self) -> float | None:
        """Raw gradient magnitude that separated frozen from active, where one threshold did."""
        return self._state.threshold if self._state is not None else None

    @property
    def kernel(self) -> str | None:
        """What made the last step with a mask: ``torch``, ``c``, ``numba`` or ``triton``; None before."""
        return self._state.kernel if self._state is not None else None

    @property
    def position_bytes(self) -> int:
        """Bytes that ``compact`` takes, beside the optimizer's state, for where active weights are."""
        return self._state.position_bytes if self._state is not None else 0

    @property
    def is_compact(self) -> bool:
        """Whether the optimizer has a state of active weights alone: ``compact="auto"`` decides."""
        return self.freezes and self._state.is_compact

    def begin_epoch(self, epoch: int) -> None:
        """Say that an epoch begins.

        Parameters
        ----------
        epoch : int
            Its number, from 0.

        Raises
        ------
        UserError
            If it lies before the last one, or not before `epochs`.
        """
        self._schedule.check(epoch, self._epoch)
        is_later = self._epoch is not None and epoch > self._epoch
        if is_later and self._n_steps == 0 and not self._warned_of_steps:
            self._warned_of_steps = True
            warnings.warn(
                f"epoch {self._epoch} had no step of this optimizer, and without its step() nothing is "
                "frozen: give PartialBackprop the optimizer that steps",
                stacklevel=2,
            )
        if epoch != self._epoch:
            self._n_steps = 0
        self._epoch = epoch
        if self.mask_is_due:
            self._gatherer.watch()
        if self._state is None:
            return
        check_same(self._state.parameters, self._model)
        self._warn_of_changes()
        if not self.freezes:
            self._state = self._state.detach()
            self._skipped.remove()
        elif self.mask_is_due:
            self._skipped.remove()  # a new mask is made of all gradients
            self._state.collect_gradients(False)

    @torch.no_grad()
    def after_backward(self) -> None:
        """Make the mask if one is due, and mask the gradients.

        Call it before clipping, so that the norm is the active weights' own; otherwise the
        optimizer's ``step`` does. Calling it twice does no harm.

        A mask waits while a gradient is NaN or infinite, since ``GradScaler`` may skip the step;
        a step that is made of such gradients is refused.

        Raises
        ------
        UserError
            If no epoch has begun, or a mask is due and cannot be made: no gradients, or the criterion
            refuses them.
        """
        if self._make_mask_if_due(waits=True):
            self._sample = self._largest_gradient()
        if self.freezes:
            self._state.zero_gradients()

    def report(self) -> FreezingReport:
        """Count what was frozen, what had no gradient anyway, and what has not moved.

        Returns
        -------
        FreezingReport
            Counts and drift by parameter since the making of the last mask.

        Raises
        ------
        UserError
            If no mask has been made, or frozen values were changed by something else than a step and
            `compact` has not kept what they were.
        """
        if self._state is None:
            raise UserError(
                f"nothing is frozen before epoch {self._schedule.start_epoch}'s first step"
            )
        check_same(self._state.parameters, self._model)
        self._warn_of_changes()
        if self._state.is_compact and self._state.changed:
            raise UserError(
                f"frozen values of {list_names(self._state.changed)} were changed by something else than "
                "the optimizer's step: use compact=False to see by how much"
            )
        values, then = self._state.parameters, self._state.values_at_mask()
        layers = tuple(
            counts.layer(name, values[name], then[name], active, self._n_natural_zeros[name])
            for name, active in self._state.mask().items()
        )
        made: dict[str, Any] = {"masked_at_epochs": self._masked_at, "masks": self._made}
        return FreezingReport(threshold=self.threshold, layers=layers, **made)

    def summary(self) -> str:
        """Say what is frozen, for a reader.

        Returns
        -------
        str
            A line, and a table with a line for each parameter.
        """
        if self._state is None:
            return f"PartialBackprop ({self._mode}): freezes from epoch {self._schedule.start_epoch} on"
        return counts.table(self.report(), self._mode + ", compact" * self.is_compact)

    def save_delta(self, path: str | Path) -> None:
        """Write the values of active weights, their positions, and a checksum of the base.

        Parameters
        ----------
        path : str or pathlib.Path
            For `apply_delta`, into the model as it was at the last mask.

        Raises
        ------
        UserError
            If there is no mask, frozen values have changed since, or the file cannot be written.
        """
        delta.save(Path(path), *changes(self._model, self._optimizer, self._state, self._buffers))

    def state_dict(self) -> dict[str, Any]:
        """Return what is needed to go on as if never stopped.

        Returns
        -------
        dict
            Tensors and plain values only: ``torch.load(..., weights_only=True)`` reads it.
        """
        return {
            "mode": self._mode,
            "epoch": self._epoch,
            "masked_at_epochs": list(self._masked_at),
            "threshold": self.threshold,
            "n_natural_zeros": dict(self._n_natural_zeros),
            "masks": [made.model_dump() for made in self._made],
            "buffers": dict(self._buffers),
            "changed": sorted(self._state.changed) if self._state is not None else [],
            **(
                self._state.saved()
                if self._state is not None
                else {"active": {}, "values_at_mask": {}}
            ),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where a `state_dict` was taken.

        Load the model's and the optimizer's own states too, in any order.

        Parameters
        ----------
        state : mapping
            What `state_dict` returned.

        Raises
        ------
        UserError
            If it is no such state, or one of another mode or another model.
        """
        state = check_saved(state, self.state_dict(), self._mode, bool(self._compact))
        self._skipped.remove()
        parameters = trainable(self._model, self._optimizer, frozen_too=True)
        state = renamed(state, parameters)
        if self._state is not None:
            self._state.collect_gradients(False)
        self._gatherer.stop()
        self._epoch, self._n_steps = state["epoch"], None
        self._masked_at = tuple(state["masked_at_epochs"])
        zeros, buffers = state["n_natural_zeros"], state.get("buffers", {})
        self._n_natural_zeros, self._buffers = dict(zeros), dict(buffers)
        self._made = tuple(MadeMask.model_validate(one) for one in state.get("masks", ()))
        self._state, self._warned_of = None, set(state.get("changed", ()))
        if self._masked_at:
            mask = Mask(state["active"], threshold=state["threshold"])
            self._apply_mask(
                mask,
                "compact" in state or self._compact is True,
                values_at_mask={n: t.to(parameters[n]) for n, t in state["values_at_mask"].items()},
                saved=state.get("compact"),
                changed=state.get("changed", ()),
            )

    def close(self) -> None:
        """Remove the hooks from the optimizer; counts stay readable."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self._gatherer.stop()
        IN_USE.get(self._optimizer, set()).discard(self)
        self._skipped.remove()
        if self._state is not None:
            self._state = self._state.detach()
