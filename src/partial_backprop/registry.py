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

import pydantic

from partial_backprop import ranges
from partial_backprop.errors import UserError

FUNCTIONS = {"networks": "build", "data": "load", "freezing": "mask", "recipes": "run"}
"""Package of this library -> name of the function by which a module joins it."""

_ROOT = Path(__file__).parent
_TYPES: dict[str, Any] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "dict": dict[str, Any],
    "tuple[int, ...]": tuple[int, ...],
    "tuple[float, ...]": tuple[float, ...],
    "tuple[str, ...]": tuple[str, ...],
    **{name: getattr(ranges, name) for name in ranges.IN_WORDS},
}


@functools.cache
def _signature(package: str, name: str) -> ast.FunctionDef | None:
    path = _ROOT / package / f"{name}.py"
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == FUNCTIONS[package]:
            return node
    return None


def names(package: str) -> list[str]:
    """List the valid names in a package.

    Parameters
    ----------
    package : {"networks", "data", "freezing", "recipes"}
        Package of this library.

    Returns
    -------
    list of str
        Stems of the modules that define the package's function, sorted.
    """
    stems = sorted(path.stem for path in (_ROOT / package).glob("*.py"))
    return [stem for stem in stems if _signature(package, stem) is not None]


def source(package: str, name: str) -> Path:
    """Return the path of the module that a name stands for.

    Parameters
    ----------
    package : str
        Package of this library.
    name : str
        Name in that package.

    Returns
    -------
    pathlib.Path
        The module's source file.

    Raises
    ------
    UserError
        If the package has no such name; the message lists the valid ones.
    """
    if name not in names(package):
        raise UserError(
            f"unknown name {name!r} in {package}: choose one of {', '.join(names(package))}"
        )
    return _ROOT / package / f"{name}.py"


def _type_of(annotation: ast.expr) -> Any:
    text = ast.unparse(annotation)
    optional = text.endswith(" | None")
    base = _TYPES[text.removesuffix(" | None")]
    return base | None if optional else base


def resolve(package: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Check a named specification and fill in the defaults of its options.

    Parameters
    ----------
    package : str
        Package of this library.
    spec : mapping
        ``name`` and any options of the module's function. An option that is itself a mapping
        with a ``name`` is resolved in the same package.

    Returns
    -------
    dict
        ``name`` and every option of the function, defaults included.

    Raises
    ------
    UserError
        If the name or an option is unknown, an option is missing, or a value has the wrong type.
    """
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
    adapter = pydantic.TypeAdapter(_type_of(argument.annotation))
    try:
        return adapter.dump_python(adapter.validate_python(value, strict=False), mode="json")
    except pydantic.ValidationError as error:
        annotation = ast.unparse(argument.annotation)
        expected = ranges.IN_WORDS.get(annotation, annotation)
        raise UserError(
            f"option {argument.arg!r} of {package}/{name} must be {expected}, got {value!r}"
        ) from error


def load(package: str, name: str) -> Callable[..., Any]:
    """Import a module by its name and return its function.

    Parameters
    ----------
    package : str
        Package of this library.
    name : str
        Name in that package.

    Returns
    -------
    callable
        The module's function (see `FUNCTIONS`).

    Raises
    ------
    UserError
        If the package has no such name.
    """
    source(package, name)
    module = importlib.import_module(f"partial_backprop.{package}.{name}")
    return getattr(module, FUNCTIONS[package])
