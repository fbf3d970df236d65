"""Read weights that ``torch.save`` or safetensors wrote, without executing anything in the file."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from partial_backprop.errors import UserError
from partial_backprop.storage import safetensors

_REMEDY = "give a file that torch.save(model.state_dict(), …) wrote, or a .safetensors"


def read(path: Path) -> Mapping[str, Tensor]:
    """Read a ``state_dict``."""
    try:
        content = _load(path)
    except OSError as error:
        raise UserError(f"cannot read the weights {path}: {error.strerror}; {_REMEDY}") from None
    except Exception:  # a damaged pickle can fail in any way
        raise UserError(f"{path} holds no weights that can be loaded safely: {_REMEDY}") from None
    if not isinstance(content, Mapping) or not content:
        raise UserError(f"{path} holds a {type(content).__name__}, not a state_dict: {_REMEDY}")
    for name, value in content.items():
        if not (isinstance(name, str) and isinstance(value, Tensor)):
            raise UserError(
                f"{path} holds a {type(value).__name__} under {name!r}, not a tensor: {_REMEDY}"
            )
    return content


def _load(path: Path) -> object:
    with path.open("rb") as file:
        if path.suffix == ".safetensors" or safetensors.begins(file.read(16)):
            return safetensors.from_bytes(path.read_bytes())
    return torch.load(path, map_location="cpu", weights_only=True)
