"""Partial backpropagation for anyone's training loop."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.freezing import counts
from partial_backprop.freezing.criterion import Criterion, as_callable, check_gradients, trainable
from partial_backprop.freezing.schedule import Schedule
from partial_backprop.freezing.strict import FrozenWeights
from partial_backprop.mask import Mask
from partial_backprop.record import FreezingReport


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

    Raises
    ------
    UserError
        If the criterion is unknown or lacks an option, a number is out of range, or the optimizer
        holds none of the model's parameters.

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
    ) -> None:
        if mode not in ("strict", "gradient"):
            raise UserError(f"unknown mode {mode!r}: choose strict or gradient")
        self._mode = mode
        self._schedule = Schedule(start_epoch, remask_every, full_epochs_at_end, epochs)
        self._criterion = as_callable(criterion)
        self._model, self._optimizer = model, optimizer
        self._epoch: int | None = None
        self._masked_at: tuple[int, ...] = ()
        self._mask: Mask | None = None
        self._anchor: dict[str, Tensor] = {}
        self._n_natural_zeros: dict[str, int] = {}
        self._frozen: FrozenWeights | None = None
        trainable(model, optimizer)  # or else an error, here and not epochs later
        self._hooks = [
            optimizer.register_step_pre_hook(self._before_step),
            optimizer.register_step_post_hook(self._after_step),
        ]

    @property
    def mask(self) -> Mask | None:
        """The last mask that was made; None before the first."""
        return self._mask

    @property
    def threshold(self) -> float | None:
        """Raw gradient magnitude that separated frozen from active, where one threshold did."""
        return self._mask.threshold if self._mask is not None else None

    @property
    def freezes(self) -> bool:
        """Whether a mask is in force: there is one, and the full epochs at the end are not on."""
        return self._mask is not None and not self._schedule.is_full(self._epoch)

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
        if self._epoch is None:
            raise UserError("no epoch has begun: call begin_epoch(epoch) at the top of each epoch")
        if self._schedule.is_due(self._epoch, self._masked_at):
            self._make_mask()
        if self.freezes:
            self._frozen.zero_gradients()

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
        if self._mask is None:
            raise UserError(
                f"nothing is frozen before epoch {self._schedule.start_epoch}'s first step"
            )
        values = dict(self._model.named_parameters())
        layers = tuple(
            counts.layer(
                name, values[name], self._anchor[name], active, self._n_natural_zeros[name]
            )
            for name, active in self._mask.items()
        )
        return FreezingReport(
            threshold=self.threshold, masked_at_epochs=self._masked_at, layers=layers
        )

    def summary(self) -> str:
        """Say what is frozen, for a reader.

        Returns
        -------
        str
            A line, and a table with a line for each parameter.
        """
        if self._mask is None:
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
            "active": dict(self._mask or {}),
            "anchor": dict(self._anchor),
            "n_natural_zeros": dict(self._n_natural_zeros),
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
        if missing := self.state_dict().keys() - state.keys():
            raise UserError(
                f"this is no state of PartialBackprop: it lacks {', '.join(sorted(missing))}"
            )
        if state["mode"] != self._mode:
            raise UserError(
                f"the saved state is of mode {state['mode']!r}, this is {self._mode!r}: "
                f"construct PartialBackprop with mode={state['mode']!r}"
            )
        parameters = trainable(self._model, self._optimizer)
        for name, active in state["active"].items():
            if name not in parameters or parameters[name].shape != active.shape:
                raise UserError(
                    f"the saved mask of {name!r} fits no parameter: load it for the model it is of"
                )
        self._epoch = state["epoch"]
        self._masked_at = tuple(state["masked_at_epochs"])
        self._n_natural_zeros = dict(state["n_natural_zeros"])
        self._mask = self._frozen = None
        self._anchor = {}
        if self._masked_at:
            anchor = {name: t.to(parameters[name]) for name, t in state["anchor"].items()}
            self._hold(parameters, Mask(state["active"], threshold=state["threshold"]), anchor)

    def close(self) -> None:
        """Let go of the optimizer: its steps are its own again; counts stay readable."""
        for hook in self._hooks:
            hook.remove()

    def _make_mask(self) -> None:
        parameters = {
            n: p for n, p in trainable(self._model, self._optimizer).items() if p.grad is not None
        }
        gradients = {name: parameter.grad for name, parameter in parameters.items()}
        where = f"no mask can be made at epoch {self._epoch}"
        check_gradients(gradients, where)
        try:
            mask = self._criterion(gradients)
            mask = mask if isinstance(mask, Mask) else Mask(mask)
        except ValueError as error:
            raise UserError(f"{where}: {error}") from error
        shapes = {name: entries.shape for name, entries in mask.items()}
        if shapes != {name: gradient.shape for name, gradient in gradients.items()}:
            raise UserError(
                f"{where}: the criterion's mask differs from the gradients in names or shapes"
            )
        self._n_natural_zeros = counts.natural_zeros(gradients)
        anchor = {name: p.detach().clone() for name, p in parameters.items()}
        self._hold(parameters, mask, anchor)
        self._masked_at = (*self._masked_at, self._epoch)

    def _hold(
        self, parameters: Mapping[str, nn.Parameter], mask: Mask, anchor: dict[str, Tensor]
    ) -> None:
        active = {name: entries.to(parameters[name].device) for name, entries in mask.items()}
        self._mask, self._anchor = Mask(active, threshold=mask.threshold), anchor
        kept = anchor if self._mode == "strict" else None
        self._frozen = FrozenWeights(parameters, active, kept)

    def _before_step(self, optimizer: object, args: tuple[Any, ...], kwargs: Mapping) -> None:
        given = [argument for argument in args if argument is not optimizer]
        if kwargs.get("closure") is not None or any(argument is not None for argument in given):
            raise UserError(
                "step(closure) is not supported, since a closure computes new gradients after the "
                "mask: call backward() yourself and use an optimizer other than LBFGS"
            )
        self.after_backward()

    def _after_step(self, *_: object) -> None:
        if self.freezes:
            self._frozen.restore_values()
