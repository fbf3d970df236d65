"""An optimizer's state of active entries alone: how it is marked, saved, checked and converted."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.freezing import active_adam
from partial_backprop.freezing.active import ActiveEntries

CHECKSUM = "mask_checksum"
"""Key in a parameter's state: `ActiveEntries.checksum` of the positions that its vectors are of."""

PACKED = "active_entries"
"""Key of these vectors in a saved state. Without them where it looks for its state, an optimizer that
knows of no mask fails; torch's fused kernels would leave the memory of vectors that are too short."""


def pack_state(_: torch.optim.Optimizer, saved: dict[str, Any]) -> dict[str, Any]:
    """Put vectors of active entries out of reach of an optimizer without a mask."""
    states = saved["state"]
    for key, state in states.items():
        if CHECKSUM in state:
            vectors = {name: value for name, value in state.items() if is_entrywise(name, value)}
            others = {name: value for name, value in state.items() if name not in vectors}
            states[key] = others | {PACKED: vectors}
    return saved


def check_state(
    optimizer: torch.optim.Optimizer,
    parameters: Iterable[nn.Parameter],
    entries: Mapping[nn.Parameter, ActiveEntries],
) -> None:
    """Unpack a loaded state, and refuse one that is not of the mask in force."""
    for parameter in parameters:
        state = optimizer.state.get(parameter)
        if not state:
            continue
        state.update(state.pop(PACKED, {}))
        own, found = entries.get(parameter), state.get(CHECKSUM)
        fits = found is None or (own is not None and own.checksum == found)
        if own is not None:
            shape = parameter.shape if found is None else (own.n_active,)
            fits = fits and all(v.shape == shape for k, v in state.items() if is_entrywise(k, v))
        if not fits:
            raise UserError(
                "the optimizer's state belongs to another mask: load pb's state too, "
                "of the same time, or a state of a training without compact"
            )


def is_entrywise(key: str, value: object) -> bool:
    """Tell whether a value of a state has a number for each entry."""
    return isinstance(value, Tensor) and value.dim() > 0 and key != "step"


def convert(state: dict[str, Any], old: ActiveEntries | None, new: ActiveEntries | None) -> None:
    """Make a parameter's state of some entries one of others, in place; None stands for all entries."""
    state.pop(CHECKSUM, None)
    for key in [key for key, value in state.items() if is_entrywise(key, value)]:
        value = state[key] if old is None else old.spread(state[key])
        if new is not None:
            value = active_adam.gather(value.to(new.places.device), new)
            state[CHECKSUM] = new.checksum
        state[key] = value
