"""Tensors on disk: written whole or not at all, and loaded without executing anything."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically


def save(content: dict[str, Any], path: Path) -> None:
    """Write tensors and plain values."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomically(path, buffer.getvalue())


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read what `save` wrote, with ``weights_only=True``."""
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise UserError(f"cannot load {path} ({reason}): delete it, and it is made again") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}, not a mapping: delete it")
    return content
