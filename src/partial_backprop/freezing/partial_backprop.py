"""Partial backpropagation for anyone's training loop."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from partial_backprop.errors import UserError
from partial_backprop.freezing import counts
from partial_backprop.freezing.compact import check_mode, refuse_closure
from partial_backprop.freezing.criterion import Criterion, as_callable, make_mask, trainable
from partial_backprop.freezing.hold import Hold
from partial_backprop.freezing.holds import check_fits, check_saved, hold
from partial_backprop.freezing.schedule import Schedule
from partial_backprop.freezing.skip import SkippedFilters
from partial_backprop.freezing_report import FreezingReport, MadeMask
from partial_backprop.mask import Mask


class PartialBackprop:
    """Freeze the weights with uninformative gradients, from a given epoch on.

    On the first step of the epoch `start_epoch` a criterion looks at the gradients and decides
    which weights stay active. From that very step on the gradients of the others are set to 0.
    Hooks on the optimizer's ``step`` see to it, so that a loop needs only `begin_epoch`.

    Parameters
    ----------
    model : nn.Module
        The network.
    optimizer : torch.optim.Optimizer
        Any that needs no closure; fused, foreach or plain.
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
    compact : bool, default=False
        Keep the optimizer's state, and step, for active entries alone (`CompactHold`); ``strict``
        only, with an optimizer of ``torch.optim`` that works entry by entry. Weights come out the
        same, but for roundings where `kernel` is not ``torch`` and the optimizer is not fused.
    skip_filters : bool, default=False
        Compute no weight gradients of filters that are frozen whole, and no backward pass of early
        layers that are (`skip.SkippedFilters`); with any criterion, worth while with ``filters``.

    Raises
    ------
    UserError
        If the criterion is unknown or lacks an option, a number is out of range, the optimizer
        holds none of the model's parameters, or `compact` does not fit mode or optimizer.

    Notes
    -----
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
    Seed 001, section 3.2 and the listing's ``zeroGrad``.
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
        compact: bool = False,
        skip_filters: bool = False,
    ) -> None:
        check_mode(mode, compact, optimizer)
        self._mode, self._compact = mode, compact
        self._schedule = Schedule(start_epoch, remask_every, full_epochs_at_end, epochs)
        self._criterion = as_callable(criterion, optimizer)
        self._model, self._optimizer = model, optimizer
        self._epoch: int | None = None
        self._masked_at: tuple[int, ...] = ()
        self._made: tuple[MadeMask, ...] = ()
        self._held: Hold | None = None
        self._skip_filters, self._skipped = skip_filters, SkippedFilters(model, {})
        self._n_natural_zeros: dict[str, int] = {}
        trainable(model, optimizer)  # or else an error, here and not epochs later
        before = optimizer.register_step_pre_hook(self._before_step)
        self._hooks = [before, optimizer.register_step_post_hook(self._after_step)]

    @property
    def mask(self) -> Mask | None:
        """The last mask that was made; None before the first."""
        return self._held.mask() if self._held is not None else None

    @property
    def threshold(self) -> float | None:
        """Raw gradient magnitude that separated frozen from active, where one threshold did."""
        return self._held.threshold if self._held is not None else None

    @property
    def kernel(self) -> str | None:
        """What made the last step with a mask: ``torch``, ``numba`` or ``triton``; None before."""
        return self._held.kernel if self._held is not None else None

    @property
    def position_bytes(self) -> int:
        """Bytes that ``compact`` takes, beside the optimizer's state, for where active weights are."""
        return self._held.position_bytes if self._held is not None else 0

    @property
    def freezes(self) -> bool:
        """Whether a mask is in force: there is one, and the full epochs at the end are not on."""
        return self._held is not None and not self._schedule.is_full(self._epoch)

    @property
    def mask_is_due(self) -> bool:
        """Whether the next step makes a mask, of the gradients that it is given."""
        return self._epoch is not None and self._schedule.is_due(self._epoch, self._masked_at)

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
        self._epoch = epoch
        if self._held is not None and not self.freezes:
            self._held = self._held.let_go()
            self._skipped.remove()
        elif self.mask_is_due:
            self._skipped.remove()  # a new mask is made of all gradients

    @torch.no_grad()
    def after_backward(self) -> None:
        """Make the mask if one is due, and mask the gradients.

        Call it before clipping, so that the norm is the active weights' own; otherwise the
        optimizer's ``step`` does. Calling it twice does no harm.

        Raises
        ------
        UserError
            If no epoch has begun, or a mask is due and cannot be made: no gradients, one that is
            NaN or infinite, or the criterion refuses them.
        """
        self._mask_if_due()
        if self.freezes:
            self._held.zero_gradients()

    def report(self) -> FreezingReport:
        """Count what was frozen, what had no gradient anyway, and what has not moved.

        Returns
        -------
        FreezingReport
            Counts and drift by parameter since the making of the last mask.

        Raises
        ------
        UserError
            If no mask has been made.
        """
        if self._held is None:
            raise UserError(
                f"nothing is frozen before epoch {self._schedule.start_epoch}'s first step"
            )
        values, anchor = dict(self._model.named_parameters()), self._held.anchor()
        layers = tuple(
            counts.layer(name, values[name], anchor[name], active, self._n_natural_zeros[name])
            for name, active in self._held.mask().items()
        )
        made = {"masked_at_epochs": self._masked_at, "masks": self._made}
        return FreezingReport(threshold=self.threshold, layers=layers, **made)

    def summary(self) -> str:
        """Say what is frozen, for a reader.

        Returns
        -------
        str
            A line, and a table with a line for each parameter.
        """
        if self._held is None:
            return f"PartialBackprop ({self._mode}): freezes from epoch {self._schedule.start_epoch} on"
        return counts.table(self.report(), self._mode)

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
            **(self._held.saved() if self._held is not None else {"active": {}, "anchor": {}}),
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
        check_saved(state, self.state_dict(), mode=self._mode, compact=self._compact)
        self._skipped.remove()
        parameters = trainable(self._model, self._optimizer)
        check_fits(state["active"], parameters)
        self._epoch = state["epoch"]
        self._masked_at = tuple(state["masked_at_epochs"])
        self._n_natural_zeros = dict(state["n_natural_zeros"])
        self._made = tuple(MadeMask.model_validate(one) for one in state.get("masks", ()))
        self._held = None
        if self._masked_at:
            anchor = {name: t.to(parameters[name]) for name, t in state["anchor"].items()}
            mask = Mask(state["active"], threshold=state["threshold"])
            self._hold(mask, anchor=anchor, saved=state.get("compact"))

    def close(self) -> None:
        """Let go of the optimizer: its steps are its own again; counts stay readable."""
        for hook in self._hooks:
            hook.remove()
        self._skipped.remove()
        if self._held is not None:
            self._held = self._held.let_go()

    def _mask_if_due(self) -> None:
        if self._epoch is None:
            raise UserError("no epoch has begun: call begin_epoch(epoch) at the top of each epoch")
        if not self.mask_is_due:
            return
        named = trainable(self._model, self._optimizer).items()
        gradients = {name: p.grad for name, p in named if p.grad is not None}
        where = f"no mask can be made at epoch {self._epoch}"
        mask = make_mask(self._criterion, gradients, where)
        self._n_natural_zeros = counts.natural_zeros(gradients)
        if self._held is not None:
            self._held.release()
        self._hold(mask)
        self._masked_at = (*self._masked_at, self._epoch)
        self._made = (*self._made, counts.made(self._epoch, mask, self._n_natural_zeros))

    def _hold(self, mask: Mask, **saved: Mapping[str, Any]) -> None:
        parameters = trainable(self._model, self._optimizer)
        compact = self._compact and not self._schedule.is_full(self._epoch)
        how = {"strict": self._mode == "strict", "compact": compact}
        self._held = hold(self._optimizer, parameters, mask, **how, **saved)
        if self._skip_filters and self.freezes:
            self._skipped = SkippedFilters(self._model, self._held.mask())

    @torch.no_grad()
    def _before_step(self, optimizer: object, args: tuple[Any, ...], kwargs: Mapping) -> None:
        refuse_closure(optimizer, args, kwargs)
        self._mask_if_due()
        if self.freezes:
            self._held.before_step()

    @torch.no_grad()
    def _after_step(self, *_: object) -> None:
        if self.freezes:
            self._held.after_step()
