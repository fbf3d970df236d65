"""Everything public is documented, by numpydoc's rules; no object is exempt from them."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pydantic
import pytest
from numpydoc.validate import ERROR_MSGS, validate

import partial_backprop

NOT_ASKED = {
    "ES01",  # an extended summary,
    "SA01",  # a See Also
    "EX01",  # and an example are for where they help.
    "PR06",  # numpydoc would have "bool" and "int" but knows no annotation.
}
CHECKS = set(ERROR_MSGS) - NOT_ASKED

MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(partial_backprop.__path__, "partial_backprop.")
    if not found.name.endswith("__main__")
)


def is_public(name: str) -> bool:
    return not name.startswith("_")


def declares_fields(thing: Any) -> bool:
    """Whether a class is a list of fields, which are documented where they are declared."""
    return inspect.isclass(thing) and (
        issubclass(thing, pydantic.BaseModel)
        or dataclasses.is_dataclass(thing)
        or (issubclass(thing, tuple) and hasattr(thing, "_fields"))
        or getattr(thing, "_is_protocol", False)
    )


def defined_in(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Public functions and classes that a module defines, and the classes' methods."""
    for name, thing in vars(module).items():
        if not is_public(name) or getattr(thing, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(inspect.unwrap(thing)) or inspect.isclass(thing):
            yield name, thing
        if inspect.isclass(thing):
            for method, value in vars(thing).items():
                if method in inspect.get_annotations(thing):
                    continue  # a field whose default is a function
                value = getattr(value, "__func__", value)
                if is_public(method) and (inspect.isfunction(value) or isinstance(value, property)):
                    yield f"{name}.{method}", value


@pytest.mark.parametrize("name", MODULES)
def test_numpydoc_has_nothing_to_say(name):
    problems = []
    for inner, thing in defined_in(importlib.import_module(name)):
        checks = CHECKS
        if declares_fields(thing) and "Parameters\n" not in (inspect.getdoc(thing) or ""):
            checks = CHECKS - {"PR01"}
        problems += [
            f"{inner}: {code} {message}"
            for code, message in validate(f"{name}.{inner}")["errors"]
            if code in checks
        ]
    assert not problems


def undocumented_fields(node: ast.ClassDef) -> Iterator[str]:
    """Fields with a number in their type that neither a docstring nor ``n_`` (a count) explains.

    Consecutive fields of one type may share the docstring below the last.
    """
    above: list[ast.AnnAssign] = []
    for statement in [*node.body, ast.Pass()]:
        is_field = isinstance(statement, ast.AnnAssign)
        if is_field and above and ast.dump(above[0].annotation) == ast.dump(statement.annotation):
            above.append(statement)
            continue
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            yield from (field.target.id for field in above if is_unexplained_number(field))
        above = [statement] if is_field else []


def is_unexplained_number(field: ast.AnnAssign) -> bool:
    words = {part.id for part in ast.walk(field.annotation) if isinstance(part, ast.Name)}
    is_number = bool(words & {"int", "float", "ndarray", "Tensor"})
    return is_number and is_public(field.target.id) and not field.target.id.startswith("n_")


@pytest.mark.parametrize("name", MODULES)
def test_numbers_in_fields_are_explained(name):
    module = importlib.import_module(name)
    tree = ast.parse(inspect.getsource(module))
    classes = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and declares_fields(vars(module).get(node.name))
    ]
    missing = [
        f"{node.name}.{field}"
        for node in classes
        if "Parameters\n" not in (ast.get_docstring(node) or "")
        for field in undocumented_fields(node)
    ]
    assert not missing
