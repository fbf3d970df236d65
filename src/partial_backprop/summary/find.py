"""Build the network that a user names: one of ours, or a class of the user's own."""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from partial_backprop import registry
from partial_backprop.errors import UserError
from partial_backprop.torchvision_compat import import_torchvision


def network(
    name: str, image_shape: tuple[int, ...], n_classes: int, options: Mapping[str, Any]
) -> nn.Module:
    """Build a network by its name."""
    if ":" in name:
        return _users(name, options)
    spec = registry.resolve("networks", {**options, "name": name})
    del spec["name"]
    if len(image_shape) != 3:
        raise UserError(f"{name} takes images: give channels, height and width, as in 3,32,32")
    try:
        return registry.load("networks", name)(tuple(image_shape), n_classes, **spec)
    except ValueError as error:
        raise UserError(f"network {name}: {error}") from None


def dtype(name: str) -> torch.dtype | None:
    """Find a type of numbers by its name."""
    found = getattr(torch, name, None) if name else None
    if name and not isinstance(found, torch.dtype):
        raise UserError(
            f"{name} is no type of numbers: give one of torch's, such as int64 or float32"
        )
    return found


def _users(name: str, options: Mapping[str, Any]) -> nn.Module:
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        made = getattr(_imported(module), attribute)
    except ImportError as error:
        raise UserError(f"cannot import {module} ({error}): run this in its folder") from None
    except (AttributeError, ValueError, TypeError):
        raise UserError(f"{module!r} has no {attribute!r}: give module:Class") from None
    except Exception as error:  # whatever a user's own module may raise
        raise UserError(f"{module} fails when it is imported: {_one_line(error)}") from error
    finally:
        sys.path.remove(here)
    try:
        model = made(**options)
    except Exception as error:  # likewise its constructor
        raise UserError(
            f"cannot build {name}: {_one_line(error)}; give arguments with --option key=value"
        ) from error
    if not isinstance(model, nn.Module):
        raise UserError(
            f"{name} makes an object of type {type(model).__name__}, not a torch.nn.Module"
        )
    return model


def _imported(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    import_torchvision()  # of a build whose operators this torch does not have
    return importlib.import_module(module)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
