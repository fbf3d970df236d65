"""A mask in force that keeps what belongs to active entries alone."""

import ctypes
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.freezing import active_adam
from partial_backprop.freezing.active import BLOCK, ActiveEntries, flat, layout
from partial_backprop.freezing.active_gradient import ActiveGradient
from partial_backprop.freezing.dense_state import DenseMaskState
from partial_backprop.freezing.modes import overflowed
from partial_backprop.freezing.optimizer_state import CHECKSUM, check_state, convert, is_entrywise
from partial_backprop.freezing.processes import is_distributed
from partial_backprop.freezing.watch import ParameterWatch
from partial_backprop.mask import Mask


class CompactMaskState:
    """A mask as positions of active entries, with the values of these and a checksum of the others."""

    # Between steps the optimizer has the parameters as ever: ``zero_grad``, clipping, learning-rate
    # schedules and ``GradScaler`` see nothing. For the time of a step, one of two things happens.
    #
    # Adam and AdamW: a kernel steps (`active_adam`), in C or numba's on a processor and Triton's on a GPU,
    # and the gradients are out of sight of torch's own step, which then passes these parameters over. All
    # else: vectors of the active values and gradients take the parameters' place, torch's own step works on
    # them, and the values are written back.
    #
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
        self.kernel = "torch"
        """What made the last step: ``c``, ``numba``, ``triton`` or ``torch``."""
        self._optimizer = optimizer
        self._indices: dict[nn.Parameter, Tensor] = {}
        self._hidden: dict[nn.Parameter, Tensor] = {}
        self._instead: dict[nn.Parameter, nn.Parameter] = {}
        self._hooks: list[Any] = []
        self._stored: dict[nn.Parameter, Tensor] = {}
        self.entries = {self.parameters[name]: one for name, one in self._entries.items()}
        """Active entries of the parameters that have frozen ones."""
        for parameter, old in (before or {}).items():
            self._replace(parameter, old, self.entries.get(parameter))
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

    def __getstate__(self) -> dict[str, Any]:
        """Copy it without hooks, which are the parameters' own."""
        return self.__dict__ | {"_hooks": [None] * len(self._hooks)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Register the hooks of a copy with the copied parameters."""
        self.__dict__.update(state)
        collects, self._hooks = bool(self._hooks), []
        self.collect_gradients(collects)

    @property
    def position_bytes(self) -> int:
        """Bytes that the positions of active entries take."""
        return sum(entries.n_bytes() for entries in self._entries.values())

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
        """Set the gradient of every frozen entry to 0; parameters without one are passed over."""
        self._follow()
        for parameter, entries in self.entries.items():
            gradient = parameter.grad
            if gradient is None or (isinstance(gradient, ActiveGradient) and not gradient.is_whole):
                continue
            gradient.copy_(entries.spread(_active_part(gradient, entries)))

    def before_step(self) -> None:
        """Step with the kernel, or put active entries in the parameters' place."""
        self._follow()
        self._put_back()
        self._compact_state()
        gradients = {
            parameter: _active_part(parameter.grad, entries)
            for parameter, entries in self.entries.items()
            if parameter.grad is not None
        }
        state = self._optimizer.state
        jobs: defaultdict[Any, list[Any]] = defaultdict(list)
        for group in self._optimizer.param_groups:
            mine = {
                p: gradients[p]
                for p in group["params"]
                if p in gradients and self.entries[p].n_active
            }
            if kernel := active_adam.kernel(self._optimizer, group, mine):
                jobs[kernel] += [
                    active_adam.Job(p, gradient, self.entries[p], state[p], group)
                    for p, gradient in mine.items()
                ]
            else:
                self._instead |= {
                    p: self._active_alone(p, g, self.entries[p]) for p, g in mine.items()
                }
        self.kernel = (
            "torch" if self._instead or not jobs else " ".join(map(active_adam.label, jobs))
        )
        if jobs and not overflowed(self._optimizer):
            for kernel, some in jobs.items():
                active_adam.step(kernel, some)
        for parameter in gradients:
            if parameter not in self._instead:
                self._hidden[parameter], parameter.grad = parameter.grad, None
        self._exchange(self._instead)

    def after_step(self) -> None:
        """Write back what torch's step has made of the active entries."""
        for parameter, alone in self._instead.items():
            flat(parameter).index_copy_(0, self._indices[parameter], alone.detach())
        self._put_back()
        for parameter, entries in self.entries.items():
            state = self._optimizer.state.get(parameter)
            if state and any(is_entrywise(key, value) for key, value in state.items()):
                state[CHECKSUM] = entries.checksum
        self._watch.note_writes()

    def collect_gradients(self, on: bool) -> None:
        """Keep only the active part of each gradient as soon as it is accumulated, or whole ones."""
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._stored = [], {}
        for parameter, entries in self.entries.items():
            # A small gradient is not worth the time.
            if on and parameter.requires_grad and parameter.numel() >= BLOCK:
                hook = parameter.register_post_accumulate_grad_hook(self._collect)
                self._hooks.append(hook)
                self._stored[parameter] = parameter.new_empty(entries.n_active)
            elif isinstance(parameter.grad, ActiveGradient):
                parameter.grad = parameter.grad.whole()

    def _compact_state(self) -> None:
        """Drop the optimizer's state of frozen entries, where that has not happened yet."""
        check_state(self._optimizer, self.entries, self.entries)
        whole = {
            parameter: entries
            for parameter, entries in self.entries.items()
            if CHECKSUM not in self._optimizer.state.get(parameter, {CHECKSUM: 0})
        }
        # All vectors first: between those that are dropped they would leave gaps in memory.
        states = [dict(self._optimizer.state[parameter]) for parameter in whole]
        for state, entries in zip(states, whole.values(), strict=True):
            convert(state, None, entries)
        for parameter, state in zip(whole, states, strict=True):
            self._optimizer.state[parameter] = state
        if states:
            _hand_back_memory()

    def expand_state(self) -> None:
        """Give frozen entries a state again: 0."""
        self._put_back()
        for parameter, entries in self.entries.items():
            self._replace(parameter, entries, None)

    def _replace(
        self, parameter: nn.Parameter, old: ActiveEntries, new: ActiveEntries | None
    ) -> None:
        """Make a state of some entries one of others."""
        check_state(self._optimizer, [parameter], {parameter: old})
        state = self._optimizer.state.get(parameter, {})
        convert(state, old if CHECKSUM in state else None, new)

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
            new = self._positions(name, old.mask().to(parameter.device))
            self._entries[name] = self.entries[parameter] = new
            self._replace(parameter, old, new)
            self._values[name] = new.gather(old.spread(then).to(parameter))
            self._digests[name] = new.frozen_digest(parameter)

    def _collect(self, parameter: nn.Parameter) -> None:
        """Drop the frozen part of a gradient that was just accumulated."""
        gradient, entries = parameter.grad, self.entries[parameter]
        if (
            isinstance(gradient, ActiveGradient)
            or gradient.layout != torch.strided
            or gradient.shape != entries.shape
            or gradient.device != entries.places.device
            or gradient.requires_grad
            or _wants_whole_gradients(gradient)
        ):
            return
        stored = self._stored.get(parameter)
        # The same vector in each step, unless somebody has kept it: memory that is taken in the midst of
        # a backward pass leaves gaps that larger tensors do not fit into.
        form = gradient.dtype, gradient.device
        if stored is None or (stored.dtype, stored.device) != form or sys.getrefcount(stored) > 3:
            stored = gradient.new_empty(entries.n_active)
            self._stored[parameter] = stored
        active_adam.gather(gradient, entries, stored)
        parameter.grad = ActiveGradient(stored, entries)

    def _active_alone(
        self, parameter: nn.Parameter, gradient: Tensor, entries: ActiveEntries
    ) -> nn.Parameter:
        index = self._indices[parameter] = entries.index()
        alone = nn.Parameter(flat(parameter).index_select(0, index))
        alone.grad = gradient
        return alone

    def _exchange(self, instead: Mapping[nn.Parameter, nn.Parameter]) -> None:
        for group in self._optimizer.param_groups:
            group["params"] = [instead.get(p, p) for p in group["params"]]
        for old, new in instead.items():
            if old in self._optimizer.state:
                self._optimizer.state[new] = self._optimizer.state.pop(old)

    def _put_back(self) -> None:
        # A step that failed did not come to its end: then this happens before the next one.
        self._exchange({alone: parameter for parameter, alone in self._instead.items()})
        for parameter, gradient in self._hidden.items():
            parameter.grad = gradient
        self._instead, self._hidden, self._indices = {}, {}, {}


def _hand_back_memory() -> None:
    """Ask the C library to hand freed memory back to the system, where it is one that can."""
    if hasattr(ctypes.pythonapi, "malloc_trim"):
        ctypes.pythonapi.malloc_trim(0)


def _active_part(gradient: Tensor, entries: ActiveEntries) -> Tensor:
    if isinstance(gradient, ActiveGradient):
        return gradient.active_part(entries)
    return active_adam.gather(gradient, entries)


def _wants_whole_gradients(gradient: Tensor) -> bool:
    """Tell whether something else relies on the memory of gradients: other processes, or a graph."""
    return is_distributed() or (gradient.is_cuda and torch.cuda.is_current_stream_capturing())
