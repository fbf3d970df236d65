"""Put trained weights into a network: those of an earlier run, or a user's own."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError

_SHOWN = 3


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a ``state_dict`` and check it by names and shapes.

    Parameters
    ----------
    model : nn.Module
        Altered in place, and left as it is where the file does not fit.
    path : pathlib.Path
        File that ``torch.save(model.state_dict(), path)`` wrote; read with ``weights_only=True``,
        so that nothing in it is executed. Counters of batches that batch normalisation keeps may be
        absent.

    Raises
    ------
    UserError
        If the file is missing, is no ``state_dict``, or is one of another network; the message
        names what differs.
    """
    state = _read(path)
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


def _read(path: Path) -> Mapping[str, Tensor]:
    remedy = "give a file that torch.save(model.state_dict(), …) wrote"
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"cannot read the weights {path}: {error.strerror}; {remedy}") from None
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError):
        raise UserError(f"{path} holds no weights that can be loaded safely: {remedy}") from None
    if not isinstance(content, Mapping) or not content:
        raise UserError(f"{path} holds a {type(content).__name__}, not a state_dict: {remedy}")
    for name, value in content.items():
        if not (isinstance(name, str) and isinstance(value, Tensor)):
            raise UserError(
                f"{path} holds a {type(value).__name__} under {name!r}, not a tensor: {remedy}"
            )
    return content
