"""Let an optimizer work on active entries alone: state for these, and frozen values never written."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.freezing import active_adam
from partial_backprop.freezing.active import ActiveEntries, flat

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


def check_mode(mode: str, compact: bool, optimizer: torch.optim.Optimizer) -> None:
    """Refuse ways to freeze that do not exist or do not go together.

    Parameters
    ----------
    mode : str
        How weights are frozen.
    compact : bool
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
    if compact and mode != "strict":
        raise UserError("compact=True holds frozen values by the bit: use mode='strict'")
    if compact and type(optimizer) not in ELEMENTWISE:
        known = ", ".join(kind.__name__ for kind in ELEMENTWISE)
        raise UserError(
            f"compact=True does not know {type(optimizer).__name__}: use one of torch.optim's "
            f"{known}, or compact=False"
        )


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


class CompactSteps:
    """Steps of an optimizer on the active entries of some parameters.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        One of `ELEMENTWISE`. Its state is made compact on the next step: of each parameter with
        frozen entries, vectors of the active ones in the order of memory.
    parameters : mapping of str to Parameter
        The parameters by name.
    entries : mapping of str to ActiveEntries
        Of those that have frozen entries.

    Notes
    -----
    Between steps the optimizer holds the parameters as ever: ``zero_grad``, clipping, learning-rate
    schedules and ``GradScaler`` see nothing. For the time of a step, one of two things happens.

    Adam and AdamW: a kernel steps (`active_adam`), numba's on a processor and Triton's on a GPU, and
    the gradients are out of sight of torch's own step, which then passes these parameters over. All
    else: vectors of the active values and gradients take the parameters' place, torch's own step
    works on them, and the values are written back.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        parameters: Mapping[str, nn.Parameter],
        entries: Mapping[str, ActiveEntries],
    ) -> None:
        self._optimizer = optimizer
        self._entries = {parameters[name]: one for name, one in entries.items()}
        self._indices: dict[nn.Parameter, Tensor] = {}
        self._hidden: dict[nn.Parameter, Tensor] = {}
        self._instead: dict[nn.Parameter, nn.Parameter] = {}
        self.kernel = "torch"
        """What made the last step: ``numba``, ``triton`` or ``torch``."""

    def before_step(self) -> None:
        """Step with the kernel, or put active entries in the parameters' place."""
        self._put_back()
        self.compact_state()
        moving = {
            parameter: parameter.grad for parameter in self._entries if parameter.grad is not None
        }
        state, jobs = self._optimizer.state, defaultdict(list)
        for group in self._optimizer.param_groups:
            mine = [p for p in group["params"] if p in moving and self._entries[p].n_active]
            if kernel := active_adam.kernel(self._optimizer, group, mine):
                some = [active_adam.Job(p, self._entries[p], state[p], group) for p in mine]
                jobs[kernel] += some
            else:
                self._instead |= {p: self._active_alone(p) for p in mine}
        self.kernel = "torch" if self._instead or not jobs else " ".join(jobs)
        if jobs and not _overflowed(self._optimizer):
            for kernel, some in jobs.items():
                active_adam.step(kernel, some)
        for parameter, gradient in moving.items():
            if parameter not in self._instead:
                self._hidden[parameter], parameter.grad = gradient, None
        self._exchange(self._instead)

    def after_step(self) -> None:
        """Write back what torch's step has made of the active entries."""
        for parameter, alone in self._instead.items():
            flat(parameter).index_copy_(0, self._indices[parameter], alone.detach())
        self._put_back()

    def compact_state(self) -> None:
        """Drop the optimizer's state of frozen entries, where that has not happened yet."""
        for parameter, entries in self._entries.items():
            state = self._optimizer.state.get(parameter, {})
            for key, value in state.items():
                if _is_entrywise(key, value) and value.shape == parameter.shape:
                    aligned = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
                    state[key] = entries.gather(aligned)

    def expand_state(self) -> None:
        """Give frozen entries a state again: 0."""
        self._put_back()
        for parameter, entries in self._entries.items():
            state = self._optimizer.state.get(parameter, {})
            for key, value in state.items():
                if _is_entrywise(key, value) and value.shape == (entries.n_active,):
                    whole = torch.zeros_like(parameter, dtype=value.dtype).detach()
                    state[key] = entries.spread(value, whole)

    def zero_gradients(self) -> None:
        """Set the gradient of every frozen entry to 0; parameters without one are passed over."""
        for parameter, entries in self._entries.items():
            if parameter.grad is not None:
                active = _aligned(parameter.grad, parameter)
                kept = flat(active).index_select(0, entries.index())
                parameter.grad.copy_(entries.spread(kept, torch.zeros_like(active)))

    def n_bytes(self) -> int:
        """Count the bytes that the positions of active entries take.

        Returns
        -------
        int
            Bytes; what a step takes for its own time is left out.
        """
        return sum(entries.n_bytes() for entries in self._entries.values())

    def _active_alone(self, parameter: nn.Parameter) -> nn.Parameter:
        index = self._indices[parameter] = self._entries[parameter].index()
        alone = nn.Parameter(flat(parameter).index_select(0, index))
        alone.grad = flat(_aligned(parameter.grad, parameter)).index_select(0, index)
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


def _aligned(values: Tensor, parameter: Tensor) -> Tensor:
    """Return values in the parameter's order in memory; a copy only where it differs."""
    if values.stride() == parameter.stride():
        return values
    return torch.empty_like(parameter, dtype=values.dtype).copy_(values)


def _overflowed(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether a ``GradScaler`` left it to the step to skip itself."""
    found = getattr(optimizer, "found_inf", None)
    return found is not None and bool(found)
