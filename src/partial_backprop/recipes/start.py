"""Put trained weights into a network: those of an earlier run, or a user's own."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.storage import state_dict

_SHOWN = 3


def load_weights(model: nn.Module, path: Path, instead: Mapping[str, Tensor] | None = None) -> None:
    """Load a ``state_dict``, with other values for some of its names, and check it by names and shapes."""
    state = dict(state_dict.read(path)) | dict(instead or {})
    own = model.state_dict()
    counters = {name for name in own if name.endswith(".num_batches_tracked")}
    if missing := [name for name in own if name not in state and name not in counters]:
        raise UserError(f"{path} is of another network: it lacks {_some(missing)}")
    if unknown := [name for name in state if name not in own]:
        raise UserError(f"{path} is of another network: this one has no {_some(unknown)}")
    for name, tensor in state.items():
        if tensor.shape != own[name].shape:
            found, wanted = (" x ".join(map(str, one.shape)) for one in (tensor, own[name]))
            raise UserError(
                f"{path} is of another network: {name} is {found} there and {wanted} here"
            )
    model.load_state_dict(own | dict(state))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
