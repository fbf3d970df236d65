"""A mask in force that keeps what belongs to active entries alone."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.freezing.active import ActiveEntries, layout
from partial_backprop.freezing.compact import CompactSteps
from partial_backprop.freezing.dense_hold import DenseHold
from partial_backprop.mask import Mask


class CompactHold:
    """A mask as positions of active entries, with the values of these and a checksum of the others.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        One of `compact.ELEMENTWISE`; it will work on active entries alone.
    parameters : mapping of str to Parameter
        The parameters by name.
    mask : Mask
        The mask.
    anchor : mapping of str to Tensor, optional
        Values at the making of the mask, whole or of the active entries alone; by default the
        parameters' own.
    saved : mapping, optional
        ``compact`` of a checkpoint: checksums and layouts.

    Raises
    ------
    UserError
        If a parameter does not fill its memory, or lies in it in another order than when it was saved.

    Notes
    -----
    What was frozen has no state. An entry that becomes active again, by a new mask or in the full
    epochs at the end, begins with moments of 0 (without ``compact`` they would have faded, and
    AMSGrad's maximum stayed), while its parameter's number of steps goes on: its first steps in Adam
    are up to (1 − β₁) / √(1 − β₂) times the learning rate, 3.2 times by default. Gradients of frozen
    entries are left as they are by a step.

    Memory: two bytes for the position of an active entry, a copy of its value, and the state.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        parameters: Mapping[str, nn.Parameter],
        mask: Mask,
        anchor: Mapping[str, Tensor] | None = None,
        saved: Mapping[str, Any] | None = None,
    ) -> None:
        self.threshold = mask.threshold
        self._parameters = {name: parameters[name] for name in mask}
        self._entries = {}
        for name, active in mask.items():
            if not bool(active.all()):
                try:
                    self._entries[name] = ActiveEntries(parameters[name], active)
                except ValueError as error:
                    raise UserError(f"parameter {name!r} cannot be compact: {error}") from None
        self.steps = CompactSteps(optimizer, self._parameters, self._entries)
        self._anchor, self._digests = {}, {}
        for name, parameter in self._parameters.items():
            then = parameter if anchor is None else anchor[name]
            self._anchor[name] = self._active_values(name, then)
        for name, entries in self._entries.items():
            now = layout(parameters[name])
            if saved is not None and saved["layouts"][name] != now:
                raise UserError(
                    f"the saved mask of {name!r} lies in memory in another order: give the model the "
                    "memory format that it had (model.to(memory_format=...)) before loading"
                )
            whole = parameters[name] if anchor is None else anchor[name]
            self._digests[name] = (
                entries.frozen_digest(_like(whole, parameters[name]))
                if saved is None
                else saved["digests"][name]
            )

    def _active_values(self, name: str, values: Tensor) -> Tensor:
        parameter, entries = self._parameters[name], self._entries.get(name)
        if values.shape != parameter.shape:  # active ones already
            return values.to(parameter)
        whole = _like(values, parameter)
        return whole.clone() if entries is None else entries.gather(whole)

    @property
    def kernel(self) -> str:
        """What made the last step: ``torch``, ``numba`` or ``triton``."""
        return self.steps.kernel

    @property
    def position_bytes(self) -> int:
        """Bytes that the positions of active entries take."""
        return self.steps.n_bytes()

    def mask(self) -> Mask:
        """Build the mask from the positions.

        Returns
        -------
        Mask
            Of all parameters that it covers.
        """
        active = {
            name: (
                self._entries[name].mask(parameter)
                if name in self._entries
                else torch.ones_like(parameter, dtype=torch.bool)
            )
            for name, parameter in self._parameters.items()
        }
        return Mask(active, threshold=self.threshold)

    @torch.no_grad()
    def anchor(self) -> dict[str, Tensor]:
        """Build the values at the making of the mask.

        Returns
        -------
        dict of str to Tensor
            By parameter name.

        Raises
        ------
        UserError
            If a frozen value has changed: what it was is not known any more.
        """
        found = dict(self._anchor)
        for name, entries in self._entries.items():
            now = self._parameters[name].detach().clone()
            if entries.frozen_digest(now) != self._digests[name]:
                raise UserError(
                    f"frozen values of {name!r} were changed by something else than the optimizer's "
                    "step: use compact=False to see by how much"
                )
            found[name] = entries.spread(self._anchor[name], now)
        return found

    def saved(self) -> dict[str, Any]:
        """Return what a checkpoint needs.

        Returns
        -------
        dict
            Tensors and plain values.
        """
        layouts = {name: layout(self._parameters[name]) for name in self._entries}
        return {
            "active": dict(self.mask()),
            "anchor": dict(self._anchor),
            "compact": {"digests": dict(self._digests), "layouts": layouts},
        }

    def zero_gradients(self) -> None:
        """Set the gradient of every frozen entry to 0; a step does not need it."""
        self.steps.zero_gradients()

    def before_step(self) -> None:
        """Step, or give torch's step the active entries alone."""
        self.steps.before_step()

    def after_step(self) -> None:
        """Write the active entries back, where torch stepped."""
        self.steps.after_step()

    def release(self) -> None:
        """Give the optimizer a state of every entry: 0 for what was frozen."""
        self.steps.expand_state()

    def let_go(self) -> DenseHold:
        """Release the optimizer, and hold nothing any more.

        Returns
        -------
        DenseHold
            The same mask and values, for reading.
        """
        self.release()
        return DenseHold(self.mask(), self.anchor())


def _like(values: Tensor, parameter: Tensor) -> Tensor:
    """Return values on the device and in the memory order of a parameter."""
    if values.stride() == parameter.stride() and values.device == parameter.device:
        return values.detach()
    return torch.empty_like(parameter).detach().copy_(values)
