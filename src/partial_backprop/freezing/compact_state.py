"""A mask in force that keeps what belongs to active entries alone."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.freezing import active_adam
from partial_backprop.freezing.active import ActiveEntries, layout
from partial_backprop.freezing.compact import CompactSteps
from partial_backprop.freezing.dense_state import DenseMaskState
from partial_backprop.freezing.watch import ParameterWatch
from partial_backprop.mask import Mask


class CompactMaskState:
    """A mask as positions of active entries, with the values of these and a checksum of the others."""

    # What was frozen has no state. An entry that becomes active again, by a new mask or in the full epochs
    # at the end, begins with moments of 0 (without ``compact`` they would have faded, and AMSGrad's maximum
    # stayed), while its parameter's number of steps goes on: its first steps in Adam are up to (1 − β₁) /
    # √(1 − β₂) times the learning rate, 3.2 times by default.
    #
    # Memory: two bytes for the position of an active entry, a copy of its value, the state, and, between
    # backward pass and step, its gradient.

    is_compact = True

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        parameters: Mapping[str, nn.Parameter],
        mask: Mask,
        values_at_mask: Mapping[str, Tensor] | None = None,
        saved: Mapping[str, Any] | None = None,
        changed: Iterable[str] = (),
        before: Mapping[nn.Parameter, ActiveEntries] | None = None,
    ) -> None:
        self.threshold = mask.threshold
        self.changed = set(changed)
        self.parameters = dict(parameters)
        self._entries: dict[str, ActiveEntries] = {}
        for name, active in mask.items():
            if not bool(active.all()):
                self._entries[name] = self._positions(name, active)
        if saved is not None:
            self._check_layouts(saved["layouts"])
        self._steps = CompactSteps(optimizer, self.entries, before)
        self._values, self._digests = {}, {}
        for name, parameter in self.parameters.items():
            then = parameter if values_at_mask is None else values_at_mask[name]
            then, entries = then.detach().to(parameter.device), self._entries.get(name)
            if then.shape != parameter.shape:  # active ones already
                self._values[name] = then.to(parameter)
            elif entries is None:
                self._values[name] = torch.empty_like(parameter).detach().copy_(then)
            else:
                self._values[name] = active_adam.gather(then, entries)
            if entries is not None:
                self._digests[name] = (
                    entries.frozen_digest(then) if saved is None else saved["digests"][name]
                )
        self._watch = ParameterWatch(parameters)
        self.collect_gradients(True)

    @property
    def kernel(self) -> str:
        """What made the last step: ``torch``, ``c``, ``numba`` or ``triton``."""
        return self._steps.kernel

    @property
    def position_bytes(self) -> int:
        """Bytes that the positions of active entries take."""
        return self._steps.n_bytes()

    @property
    def entries(self) -> dict[nn.Parameter, ActiveEntries]:
        """Active entries of the parameters that have frozen ones."""
        return {self.parameters[name]: one for name, one in self._entries.items()}

    def mask(self) -> Mask:
        """Build the mask from the positions."""
        active = {
            name: (
                self._entries[name].mask()
                if name in self._entries
                else torch.ones_like(parameter, dtype=torch.bool)
            )
            for name, parameter in self.parameters.items()
        }
        return Mask(active, threshold=self.threshold)

    @torch.no_grad()
    def values_at_mask(self) -> dict[str, Tensor]:
        """Build the values at the making of the mask."""
        self._follow()
        found = dict(self._values)
        for name, entries in self._entries.items():
            now = entries.aligned(self.parameters[name]).clone()
            found[name] = entries.write(self._values[name], now)
        return found

    def saved(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        self._follow()
        layouts = {name: layout(self.parameters[name]) for name in self._entries}
        return {
            "active": dict(self.mask()),
            "values_at_mask": dict(self._values),
            "compact": {"digests": dict(self._digests), "layouts": layouts},
        }

    def find_changes(self, written_only: bool = False) -> None:
        """Add to `changed` what something else than a step has changed."""
        self._follow()
        names = set(self._watch.written() if written_only else self.parameters)
        for name in (self._entries.keys() & names) - self.changed:
            if self._entries[name].frozen_digest(self.parameters[name]) != self._digests[name]:
                self.changed.add(name)

    def zero_gradients(self) -> None:
        """Set the gradient of every frozen entry to 0; a step does not need it."""
        self._follow()
        self._steps.zero_gradients()

    def before_step(self) -> None:
        """Step, or give torch's step the active entries alone."""
        self._follow()
        self._steps.before_step()

    def after_step(self) -> None:
        """Write the active entries back, where torch stepped."""
        self._steps.after_step()
        self._watch.note_writes()

    def collect_gradients(self, on: bool) -> None:
        """Keep only the active part of each gradient as soon as it is accumulated, or whole ones."""
        self._steps.collect_gradients(on)

    def expand_state(self) -> None:
        """Give the optimizer a state of every entry: 0 for what was frozen."""
        self._steps.expand_state()

    def detach(self) -> DenseMaskState:
        """Give the optimizer a state of all entries, and freeze nothing any more."""
        self.find_changes()
        self.collect_gradients(False)
        self.expand_state()
        values = self.values_at_mask()
        return DenseMaskState(self.parameters, self.mask(), values, True, False, self.changed)

    def _positions(self, name: str, active: Tensor) -> ActiveEntries:
        try:
            return ActiveEntries(self.parameters[name], active)
        except ValueError as error:
            raise UserError(f"parameter {name!r} cannot be compact: {error}") from None

    def _check_layouts(self, layouts: Mapping[str, list[int]]) -> None:
        for name in self._entries:
            if layouts[name] != layout(self.parameters[name]):
                raise UserError(
                    f"the saved mask of {name!r} lies in memory in another order: give the model the "
                    "memory format that it had (model.to(memory_format=...)) before loading"
                )

    @torch.no_grad()
    def _follow(self) -> None:
        """Follow parameters that were cast, moved or laid out anew: the values then alike."""
        for name in self._watch.changed_forms():
            parameter, then = self.parameters[name], self._values[name]
            old = self._entries.get(name)
            if old is None:
                self._values[name] = torch.empty_like(parameter).copy_(then)
                continue
            cast = then.dtype != parameter.dtype
            if not cast and old.frozen_digest(parameter) != self._digests[name]:
                self.changed.add(name)
            new = self._entries[name] = self._positions(name, old.mask().to(parameter.device))
            self._steps.replace(parameter, old, new)
            self._values[name] = new.gather(old.spread(then).to(parameter))
            self._digests[name] = new.frozen_digest(parameter)
