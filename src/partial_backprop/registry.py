"""Find a network, data set, criterion or recipe by the name of its module.

A module's name is its key: ``networks/vgg19.py`` is ``vgg19`` in a configuration, and there is no
list to edit. A recipe may also be ``run_NAME.py`` in a folder of experiments. What a module offers is one
function (`FUNCTIONS`), and the function's keyword-only parameters are its options. A criterion may be a
score instead (`SCORES`), and then has the options of the selection by scores too. Names, options and
defaults are read from the source text with `ast`, so that a configuration is resolved, checked and hashed,
defaults included, without importing torch.
"""

import ast
import functools
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from partial_backprop import experiments, ranges
from partial_backprop.errors import UserError

FUNCTIONS = {"networks": "build", "data": "load", "freezing": "mask", "recipes": "run"}
"""Package of this library -> name of the function by which a module joins it."""

SCORES = {"freezing": ("score", "scores", "by_score")}
"""Package -> name of a function that may stand in its place; module and function that take it first."""

_ROOT = Path(__file__).parent

Option = tuple[str, ast.expr | None]
"""Annotation and default of an option; None where it must be given."""


@functools.cache
def _options(package: str, module: str, function: str) -> dict[str, Option] | None:
    """Options of a function, or None where the module has no such function."""
    path = _modules(package)[module]
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            arguments = node.args
            pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            return {
                option.arg: (ast.unparse(option.annotation), default) for option, default in pairs
            }
    return None


def options_of(package: str, name: str) -> dict[str, Option] | None:
    """Return annotation and default of each option of a module; None for a module without the function."""
    options = _options(package, name, FUNCTIONS[package])
    if options is None and package in SCORES:
        score, module, function = SCORES[package]
        own = _options(package, name, score)
        return None if own is None else _options(package, module, function) | own
    return options


def _modules(package: str) -> dict[str, Path]:
    found = {path.stem: path for path in (_ROOT / package).glob("*.py")}
    for root in experiments.__path__ if package == "recipes" else ():
        for path in Path(root).glob("*/run_*.py"):
            found.setdefault(path.stem.removeprefix("run_"), path)
    return dict(sorted(found.items()))


def names(package: str) -> list[str]:
    """List the valid names in a package."""
    return [name for name in _modules(package) if options_of(package, name) is not None]


def source(package: str, name: str) -> Path:
    """Return the path of the module that a name stands for."""
    found = _modules(package)
    if name not in found or options_of(package, name) is None:
        raise UserError(
            f"unknown name {name!r} in {package}: choose one of {', '.join(names(package))}"
        )
    return found[name]


def module(package: str, name: str) -> str:
    """Return the module that a name stands for, as it is called within the package."""
    path = source(package, name)
    if path.parent == _ROOT / package:
        return f"{package}.{name}"
    return f"experiments.{path.parent.name}.{path.stem}"


def resolve(package: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Check a named specification and fill in the defaults of its options."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("name"), str):
        raise UserError(f"an entry of {package} must be a mapping with a name, got {spec!r}")
    name = spec["name"]
    source(package, name)
    options = options_of(package, name)
    resolved: dict[str, Any] = {"name": name}
    for key in spec:
        if key != "name" and key not in options:
            valid = ", ".join(sorted(options)) or "none"
            raise UserError(f"unknown option {key!r} of {package}/{name}: its options are {valid}")
    for key, (annotation, default) in options.items():
        if key in spec:
            value = spec[key]
        elif default is None:
            raise UserError(f"option {key!r} of {package}/{name} has no default: give it a value")
        else:
            value = ast.literal_eval(default)
        if isinstance(value, Mapping) and "name" in value:
            value = resolve(package, value)
        resolved[key] = _checked(f"option {key!r} of {package}/{name}", annotation, value)
    return resolved


def _checked(what: str, annotation: str, value: Any) -> Any:
    try:
        return _converted(annotation, value)
    except (ValueError, TypeError, OverflowError):
        in_words = ranges.BY_NAME.get(annotation)
        raise UserError(
            f"{what} must be {in_words.in_words if in_words else annotation}, got {value!r}"
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
    found = importlib.import_module(f"partial_backprop.{module(package, name)}")
    if hasattr(found, FUNCTIONS[package]):
        return getattr(found, FUNCTIONS[package])
    score, selection, function = SCORES[package]
    select = importlib.import_module(f"partial_backprop.{package}.{selection}")
    return functools.partial(getattr(select, function), getattr(found, score))
