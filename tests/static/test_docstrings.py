"""The documented API has numpydoc; everything else a line or none, and comments where reasons are."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
from numpydoc.validate import ERROR_MSGS, validate
from tests.static.test_layers import FOREIGN

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
    if not found.name.endswith("__main__") and found.name not in FOREIGN
)

API = re.findall(
    r"^::: (\S+)$",
    (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
"""Names that the API page shows."""


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


def documented(name: str) -> Iterator[str]:
    """A name of the API page and, of a class, its public methods and properties."""
    yield name
    module, _, attribute = name.rpartition(".")
    thing = getattr(importlib.import_module(module), attribute)
    if inspect.isclass(thing):
        for method, value in vars(thing).items():
            value = getattr(value, "__func__", value)
            if is_public(method) and (inspect.isfunction(value) or isinstance(value, property)):
                yield f"{name}.{method}"


def problems_of(names: Iterable[str]) -> list[str]:
    return [
        f"{name}: {code} {message}"
        for name in names
        for code, message in validate(name)["errors"]
        if code in CHECKS
    ]


@pytest.mark.parametrize("name", [n for n in API if n.rpartition(".")[0] not in FOREIGN])
def test_numpydoc_has_nothing_to_say_of_the_api(name):
    assert not problems_of(documented(name))


def test_what_the_package_exports_is_on_the_api_page():
    shown = {name.rpartition(".")[2] for name in API}
    assert set(partial_backprop.__all__) <= shown


def test_docstrings_elsewhere_are_short():
    """No sections: reasons and sources stand in comments, next to the lines that they explain."""
    long = []

    def look(node: ast.AST, where: str) -> None:
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                path = f"{where}.{inner.name}"
                if path in API:
                    continue
                if re.search(r"^-{3,}$", ast.get_docstring(inner) or "", re.MULTILINE):
                    long.append(path)
                look(inner, path)

    for name in MODULES:
        source = Path(importlib.import_module(name).__file__).read_text(encoding="utf-8")
        look(ast.parse(source), name)
    assert not long


def undocumented_fields(node: ast.ClassDef, lines: list[str]) -> Iterator[str]:
    """Fields with a number in their type that neither words nor ``n_`` (a count) explain.

    The words are a comment above or behind, or a docstring below; consecutive fields of one type may
    share them.
    """

    def has_comment(field: ast.AnnAssign) -> bool:
        return "  # " in lines[field.end_lineno - 1] or lines[field.lineno - 2].strip().startswith(
            "#"
        )

    above: list[ast.AnnAssign] = []
    for statement in [*node.body, ast.Pass()]:
        is_field = isinstance(statement, ast.AnnAssign)
        if is_field and above and ast.dump(above[0].annotation) == ast.dump(statement.annotation):
            above.append(statement)
            continue
        is_words = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not (is_words or any(map(has_comment, above))):
            yield from (field.target.id for field in above if is_unexplained_number(field))
        above = [statement] if is_field else []


def is_unexplained_number(field: ast.AnnAssign) -> bool:
    words = {part.id for part in ast.walk(field.annotation) if isinstance(part, ast.Name)}
    is_number = bool(words & {"int", "float", "ndarray", "Tensor"})
    return is_number and is_public(field.target.id) and not field.target.id.startswith("n_")


def test_numbers_in_fields_are_explained():
    missing = []
    for name in MODULES:
        module = importlib.import_module(name)
        source = inspect.getsource(module)
        classes = [
            node
            for node in ast.parse(source).body
            if isinstance(node, ast.ClassDef) and declares_fields(vars(module).get(node.name))
        ]
        missing += [
            f"{name}.{node.name}.{field}"
            for node in classes
            if "Parameters\n" not in (ast.get_docstring(node) or "")
            for field in undocumented_fields(node, source.split("\n"))
        ]
    assert not missing
