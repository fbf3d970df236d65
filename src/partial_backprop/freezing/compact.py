"""Let an optimizer work on active entries alone: state for these, and frozen values never written."""

import ctypes
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.freezing import active_adam
from partial_backprop.freezing.active import BLOCK, ActiveEntries, flat
from partial_backprop.freezing.active_gradient import ActiveGradient
from partial_backprop.mask import Mask

ELEMENTWISE = (
    torch.optim.ASGD,
    torch.optim.Adadelta,
    torch.optim.Adagrad,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.Adamax,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.RMSprop,
    torch.optim.Rprop,
    torch.optim.SGD,
)
"""Optimizers that update each entry by itself: on some entries they do what they do on all."""


def check_mode(mode: str, compact: bool | str, optimizer: torch.optim.Optimizer) -> None:
    """Refuse ways to freeze that do not exist or do not go together.

    Parameters
    ----------
    mode : str
        How weights are frozen.
    compact : bool or "auto"
        Whether active entries alone shall have a state.
    optimizer : torch.optim.Optimizer
        Any.

    Raises
    ------
    UserError
        If the mode is neither ``strict`` nor ``gradient``; or `compact` is wanted with ``gradient``, or
        with an optimizer that is none of `ELEMENTWISE`.
    """
    if mode not in ("strict", "gradient"):
        raise UserError(f"unknown mode {mode!r}: choose strict or gradient")
    if compact not in (False, True, "auto"):
        raise UserError(f"unknown compact {compact!r}: choose True, False or 'auto'")
    if compact == "auto":
        return
    if compact and mode != "strict":
        raise UserError("compact=True holds frozen values by the bit: use mode='strict'")
    if compact and type(optimizer) not in ELEMENTWISE:
        known = ", ".join(kind.__name__ for kind in ELEMENTWISE)
        raise UserError(
            f"compact=True does not know {type(optimizer).__name__}: use one of torch.optim's "
            f"{known}, or compact=False"
        )


SHARE_WITHOUT_KERNEL = 0.5
"""Frozen share from which torch's own steps on vectors of the active entries are faster than dense."""


def saves_time(optimizer: torch.optim.Optimizer, mask: Mask) -> bool:
    """Tell whether compact steps are faster than dense ones with the same mask: ``compact="auto"``.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Any.
    mask : Mask
        The mask, on the parameters' devices.

    Returns
    -------
    bool
        True where a kernel steps; otherwise from `SHARE_WITHOUT_KERNEL` up. False for optimizers
        that are none of `ELEMENTWISE`.

    Notes
    -----
    A rule of types, devices and the frozen share: nothing is timed, so that bits repeat.
    """
    if type(optimizer) not in ELEMENTWISE:
        return False
    groups = optimizer.param_groups
    if all(active_adam.kernel_for(optimizer, group, group["params"]) for group in groups):
        return True
    return mask.n_frozen() >= SHARE_WITHOUT_KERNEL * mask.n_weights()


def refuse_closure(optimizer: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Refuse a step that computes gradients itself.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Its optimizer.
    args : tuple
        Positional arguments of the step, which may begin with the optimizer.
    kwargs : mapping
        Its other arguments.

    Raises
    ------
    UserError
        If there is a closure among them.
    """
    given = [argument for argument in args if argument is not optimizer]
    if kwargs.get("closure") is not None or any(argument is not None for argument in given):
        raise UserError(
            "step(closure) is not supported, since a closure computes new gradients after the "
            "mask: call backward() yourself and use an optimizer other than LBFGS"
        )


CHECKSUM = "mask_checksum"
"""Key in a parameter's state: `ActiveEntries.checksum` of the positions that its vectors are of."""

PACKED = "active_entries"
"""Key of these vectors in a saved state. Without them where it looks for its state, an optimizer that
knows of no mask fails; torch's fused kernels would leave the memory of vectors that are too short."""


def pack_state(_: torch.optim.Optimizer, saved: dict[str, Any]) -> dict[str, Any]:
    """Put vectors of active entries out of reach of an optimizer without a mask.

    Parameters
    ----------
    _ : torch.optim.Optimizer
        Whose state was saved.
    saved : dict
        Its state, as ``state_dict`` returns it.

    Returns
    -------
    dict
        The same, with other states of parameters.
    """
    states = saved["state"]
    for key, state in states.items():
        if CHECKSUM in state:
            vectors = {name: value for name, value in state.items() if _is_entrywise(name, value)}
            others = {name: value for name, value in state.items() if name not in vectors}
            states[key] = others | {PACKED: vectors}
    return saved


def check_state(
    optimizer: torch.optim.Optimizer,
    parameters: Iterable[nn.Parameter],
    entries: Mapping[nn.Parameter, ActiveEntries],
) -> None:
    """Unpack a loaded state, and refuse one that is not of the mask in force.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Any.
    parameters : iterable of Parameter
        Some that it holds.
    entries : mapping of Parameter to ActiveEntries
        Active entries of those of which only these have a state; empty without a compact mask.

    Raises
    ------
    UserError
        If a state is of other entries.
    """
    for parameter in parameters:
        state = optimizer.state.get(parameter)
        if not state:
            continue
        state.update(state.pop(PACKED, {}))
        own, found = entries.get(parameter), state.get(CHECKSUM)
        fits = found is None or (own is not None and own.checksum == found)
        if own is not None:
            shape = parameter.shape if found is None else (own.n_active,)
            fits = fits and all(v.shape == shape for k, v in state.items() if _is_entrywise(k, v))
        if not fits:
            raise UserError(
                "the optimizer's state belongs to another mask: load pb's state too, "
                "of the same time, or a state of a training without compact"
            )


class CompactSteps:
    """Steps of an optimizer on the active entries of some parameters.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        One of `ELEMENTWISE`. Its state is made compact on the next step: of each parameter with
        frozen entries, vectors of the active ones in the order of memory.
    entries : mapping of Parameter to ActiveEntries
        Of those that have frozen entries.
    before : mapping of Parameter to ActiveEntries, optional
        Those of the mask in force until now: states of entries that stay active are carried over.

    Notes
    -----
    Between steps the optimizer holds the parameters as ever: ``zero_grad``, clipping, learning-rate
    schedules and ``GradScaler`` see nothing. For the time of a step, one of two things happens.

    Adam and AdamW: a kernel steps (`active_adam`), in C or numba's on a processor and Triton's on a GPU, and
    the gradients are out of sight of torch's own step, which then passes these parameters over. All
    else: vectors of the active values and gradients take the parameters' place, torch's own step
    works on them, and the values are written back.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        entries: Mapping[nn.Parameter, ActiveEntries],
        before: Mapping[nn.Parameter, ActiveEntries] | None = None,
    ) -> None:
        self._optimizer = optimizer
        self._entries = dict(entries)
        self._indices: dict[nn.Parameter, Tensor] = {}
        self._hidden: dict[nn.Parameter, Tensor] = {}
        self._instead: dict[nn.Parameter, nn.Parameter] = {}
        self._hooks: list[Any] = []
        self._stored: dict[nn.Parameter, Tensor] = {}
        self.kernel = "torch"
        """What made the last step: ``c``, ``numba``, ``triton`` or ``torch``."""
        for parameter, old in (before or {}).items():
            self.replace(parameter, old, self._entries.get(parameter))

    def __getstate__(self) -> dict[str, Any]:
        """Copy it without hooks, which are the parameters' own."""
        return self.__dict__ | {"_hooks": [None] * len(self._hooks)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Hang a copy on the copied parameters."""
        self.__dict__.update(state)
        collects, self._hooks = bool(self._hooks), []
        self.collect_gradients(collects)

    def before_step(self) -> None:
        """Step with the kernel, or put active entries in the parameters' place."""
        self._put_back()
        self.compact_state()
        gradients = {
            parameter: _active_part(parameter.grad, entries)
            for parameter, entries in self._entries.items()
            if parameter.grad is not None
        }
        state, jobs = self._optimizer.state, defaultdict(list)
        for group in self._optimizer.param_groups:
            mine = {
                p: gradients[p]
                for p in group["params"]
                if p in gradients and self._entries[p].n_active
            }
            if kernel := active_adam.kernel(self._optimizer, group, mine):
                jobs[kernel] += [
                    active_adam.Job(p, gradient, self._entries[p], state[p], group)
                    for p, gradient in mine.items()
                ]
            else:
                self._instead |= {p: self._active_alone(p, g) for p, g in mine.items()}
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
        for parameter, entries in self._entries.items():
            state = self._optimizer.state.get(parameter)
            if state and any(_is_entrywise(key, value) for key, value in state.items()):
                state[CHECKSUM] = entries.checksum

    def compact_state(self) -> None:
        """Drop the optimizer's state of frozen entries, where that has not happened yet."""
        check_state(self._optimizer, self._entries, self._entries)
        whole = {
            parameter: entries
            for parameter, entries in self._entries.items()
            if CHECKSUM not in self._optimizer.state.get(parameter, {CHECKSUM: 0})
        }
        # All vectors first: between those that are dropped they would leave gaps in memory.
        states = [dict(self._optimizer.state[parameter]) for parameter in whole]
        for state, entries in zip(states, whole.values(), strict=True):
            _convert(state, None, entries)
        for parameter, state in zip(whole, states, strict=True):
            self._optimizer.state[parameter] = state
        if states:
            _hand_back_memory()

    def expand_state(self) -> None:
        """Give frozen entries a state again: 0."""
        self._put_back()
        for parameter, entries in self._entries.items():
            self.replace(parameter, entries, None)

    def replace(
        self, parameter: nn.Parameter, old: ActiveEntries, new: ActiveEntries | None
    ) -> None:
        """Make a state of some entries one of others.

        Parameters
        ----------
        parameter : Parameter
            Whose state.
        old : ActiveEntries
            Entries that have a state.
        new : ActiveEntries, optional
            Entries that shall have one, 0 where there was none; None: all.
        """
        check_state(self._optimizer, [parameter], {parameter: old})
        state = self._optimizer.state.get(parameter, {})
        _convert(state, old if CHECKSUM in state else None, new)
        if parameter in self._entries and new is not None:
            self._entries[parameter] = new

    def collect_gradients(self, on: bool) -> None:
        """Keep only the active part of each gradient as soon as it is accumulated, or whole ones.

        Parameters
        ----------
        on : bool
            Which of the two.
        """
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._stored = [], {}
        for parameter, entries in self._entries.items():
            # A small gradient is not worth the time.
            if on and parameter.requires_grad and parameter.numel() >= BLOCK:
                hook = parameter.register_post_accumulate_grad_hook(self._collect)
                self._hooks.append(hook)
                self._stored[parameter] = parameter.new_empty(entries.n_active)
            elif isinstance(parameter.grad, ActiveGradient):
                parameter.grad = parameter.grad.whole()

    def zero_gradients(self) -> None:
        """Set the gradient of every frozen entry to 0; parameters without one are passed over."""
        for parameter, entries in self._entries.items():
            gradient = parameter.grad
            if gradient is None or (isinstance(gradient, ActiveGradient) and not gradient.is_whole):
                continue
            gradient.copy_(entries.spread(_active_part(gradient, entries)))

    def n_bytes(self) -> int:
        """Count the bytes that the positions of active entries take.

        Returns
        -------
        int
            Bytes; what a step takes for its own time is left out.
        """
        return sum(entries.n_bytes() for entries in self._entries.values())

    def _collect(self, parameter: nn.Parameter) -> None:
        """Drop the frozen part of a gradient that was just accumulated."""
        gradient, entries = parameter.grad, self._entries[parameter]
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

    def _active_alone(self, parameter: nn.Parameter, gradient: Tensor) -> nn.Parameter:
        index = self._indices[parameter] = self._entries[parameter].index()
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


def _is_entrywise(key: str, value: object) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0 and key != "step"


def _convert(state: dict[str, Any], old: ActiveEntries | None, new: ActiveEntries | None) -> None:
    """Make a parameter's state of some entries one of others; None stands for all."""
    state.pop(CHECKSUM, None)
    for key in [key for key, value in state.items() if _is_entrywise(key, value)]:
        value = state[key] if old is None else old.spread(state[key])
        if new is not None:
            value = active_adam.gather(value.to(new.places.device), new)
            state[CHECKSUM] = new.checksum
        state[key] = value


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
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return distributed or (gradient.is_cuda and torch.cuda.is_current_stream_capturing())


def overflowed(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether a ``GradScaler`` left it to the step to skip itself.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Any.

    Returns
    -------
    bool
        Whether its next step does nothing, since a gradient is not finite.
    """
    found = getattr(optimizer, "found_inf", None)
    return found is not None and bool(found)
