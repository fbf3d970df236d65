"""Read weights that ``torch.save`` wrote, without executing anything in the file."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from partial_backprop.errors import UserError

_REMEDY = "give a file that torch.save(model.state_dict(), …) wrote"


def read(path: Path) -> Mapping[str, Tensor]:
    """Read a ``state_dict``.

    Parameters
    ----------
    path : pathlib.Path
        File that ``torch.save(model.state_dict(), path)`` wrote; read with ``weights_only=True``.

    Returns
    -------
    mapping of str to Tensor
        Names and tensors, on the CPU; at least one.

    Raises
    ------
    UserError
        If the file is missing, damaged, or holds anything but a ``state_dict``.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"cannot read the weights {path}: {error.strerror}; {_REMEDY}") from None
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError):
        raise UserError(f"{path} holds no weights that can be loaded safely: {_REMEDY}") from None
    if not isinstance(content, Mapping) or not content:
        raise UserError(f"{path} holds a {type(content).__name__}, not a state_dict: {_REMEDY}")
    for name, value in content.items():
        if not (isinstance(name, str) and isinstance(value, Tensor)):
            raise UserError(
                f"{path} holds a {type(value).__name__} under {name!r}, not a tensor: {_REMEDY}"
            )
    return content
