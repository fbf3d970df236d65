"""Find a network, data set, criterion or recipe by the name of its module.

A module's name is its key: ``networks/vgg19.py`` is ``vgg19`` in a configuration, and there is no
list to edit. What a module offers is one function (`FUNCTIONS`), and the function's keyword-only
parameters are its options. Names, options and defaults are read from the source text with `ast`, so
that a configuration is resolved, checked and hashed, defaults included, without importing torch.
"""

import ast
import functools
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from partial_backprop import ranges
from partial_backprop.errors import UserError

FUNCTIONS = {"networks": "build", "data": "load", "freezing": "mask", "recipes": "run"}
"""Package of this library -> name of the function by which a module joins it."""

_ROOT = Path(__file__).parent


@functools.cache
def _signature(package: str, name: str) -> ast.FunctionDef | None:
    path = _ROOT / package / f"{name}.py"
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == FUNCTIONS[package]:
            return node
    return None


def names(package: str) -> list[str]:
    """List the valid names in a package."""
    stems = sorted(path.stem for path in (_ROOT / package).glob("*.py"))
    return [stem for stem in stems if _signature(package, stem) is not None]


def source(package: str, name: str) -> Path:
    """Return the path of the module that a name stands for."""
    if name not in names(package):
        raise UserError(
            f"unknown name {name!r} in {package}: choose one of {', '.join(names(package))}"
        )
    return _ROOT / package / f"{name}.py"


def resolve(package: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Check a named specification and fill in the defaults of its options."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("name"), str):
        raise UserError(f"an entry of {package} must be a mapping with a name, got {spec!r}")
    name = spec["name"]
    source(package, name)
    arguments = _signature(package, name).args
    resolved: dict[str, Any] = {"name": name}
    valid = {argument.arg for argument in arguments.kwonlyargs}
    for key in spec:
        if key != "name" and key not in valid:
            options = ", ".join(sorted(valid)) or "none"
            raise UserError(
                f"unknown option {key!r} of {package}/{name}: its options are {options}"
            )
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        key = argument.arg
        if key in spec:
            value = spec[key]
        elif default is None:
            raise UserError(f"option {key!r} of {package}/{name} has no default: give it a value")
        else:
            value = ast.literal_eval(default)
        if isinstance(value, Mapping) and "name" in value:
            value = resolve(package, value)
        resolved[key] = _checked(package, name, argument, value)
    return resolved


def _checked(package: str, name: str, argument: ast.arg, value: Any) -> Any:
    annotation = ast.unparse(argument.annotation)
    try:
        return _converted(annotation, value)
    except (ValueError, TypeError, OverflowError):
        in_words = ranges.BY_NAME.get(annotation)
        raise UserError(
            f"option {argument.arg!r} of {package}/{name} must be "
            f"{in_words.in_words if in_words else annotation}, got {value!r}"
        ) from None


def _converted(annotation: str, value: Any) -> Any:
    """A value as its annotation wants it, in the types of JSON, so that 1 and 1.0 have one hash."""
    if annotation.endswith(" | None"):
        return None if value is None else _converted(annotation.removesuffix(" | None"), value)
    if annotation in ranges.BY_NAME:
        found = _converted("float", value)
        if found not in ranges.BY_NAME[annotation]:
            raise ValueError
        return found
    if annotation.startswith("tuple["):
        item = annotation.removeprefix("tuple[").removesuffix(", ...]")
        if not isinstance(value, list | tuple):
            raise ValueError
        return [_converted(item, one) for one in value]
    # YAML reads 1e-3 as text.
    is_number = isinstance(value, int | float | str) and not isinstance(value, bool)
    if annotation == "float" and is_number:
        return float(value)
    if annotation == "int" and is_number and (isinstance(value, str) or value == int(value)):
        return int(value)
    if annotation in ("str", "bool") and type(value).__name__ == annotation:
        return value
    if (
        annotation == "dict"
        and isinstance(value, Mapping)
        and all(isinstance(k, str) for k in value)
    ):
        return dict(value)
    raise ValueError


def load(package: str, name: str) -> Callable[..., Any]:
    """Import a module by its name and return its function."""
    source(package, name)
    module = importlib.import_module(f"partial_backprop.{package}.{name}")
    return getattr(module, FUNCTIONS[package])
