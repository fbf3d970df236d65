"""Prose is written in templates: Python puts no sentences together, but for messages and captions."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "partial_backprop"

# Calls whose strings people read at the command line: errors, help, progress.
MESSAGES = ("Error", "Exception", "Warning")
SPOKEN = {
    "add_argument",
    "add_parser",
    "ArgumentParser",
    "add_argument_group",
    "print",
    "warn",
    "exit",
}
SPOKEN |= {"warning", "info", "error", "debug", "add", "Field", "fail"}

MOST = {
    "paper": 0,
    "artifacts": 1,
    "derived": 1,
    "experiments": 13,
    "freezing": 2,
    "performance": 3,
    "status": 1,
    "summary": 7,
}
"""Part of the package -> sentences that it may have, which only become fewer; all others have none."""


def is_sentence(text: str) -> bool:
    """Four words or more that begin with a capital or end with a full stop."""
    words = [word for word in text.split() if any(map(str.isalpha, word))]
    begins, ends = text.lstrip()[:1].isupper(), text.rstrip().endswith(".")
    return len(words) >= 4 and (begins or ends)


def literal(node: ast.AST) -> str | None:
    """Text of a string literal, with {} where an f-string has a value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (literal(part) for part in node.values)
        return "".join("{}" if part is None else part for part in parts)
    return None


def called(node: ast.Call) -> str:
    function = node.func
    return getattr(function, "attr", getattr(function, "id", ""))


def sentences(node: ast.AST) -> Iterator[str]:
    """Sentences below a node that are neither docstrings nor messages."""
    for below in ast.iter_child_nodes(node):
        text = literal(below)
        if isinstance(below, ast.Expr) and literal(below.value) is not None:
            continue  # a docstring, of a module, function, class or field
        if isinstance(below, ast.Raise):
            continue
        if isinstance(below, ast.Call) and (
            called(below) in SPOKEN or called(below).endswith(MESSAGES)
        ):
            continue
        if text is not None:
            if is_sentence(text):
                yield text
            continue
        yield from sentences(below)


def test_sentences_in_strings_only_become_fewer():
    counts: Counter[str] = Counter()
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part == "cli":  # its strings are captions of the command line
            continue
        counts[part] += len(list(sentences(ast.parse(path.read_text(encoding="utf-8")))))
    assert {part: n for part, n in counts.items() if n > MOST.get(part, 0)} == {}


@pytest.mark.parametrize(
    ("code", "n"),
    [
        ("x = 'The network is frozen here'", 1),
        ("x = f'the {n} weights of it are frozen.'", 1),
        ("x = f'{name} is not a sentence yet'", 0),
        ("x = 'two words'", 0),
        ("def f():\n    'A docstring of many words.'", 0),
        ("raise ValueError('This is a message for people.')", 0),
        ("error = UserError('This is a message for people.')", 0),
        ("parser.add_argument('--x', help='What it is good for.')", 0),
        ("table(rows, ('Notes of a table are sentences.',))", 1),
    ],
)
def test_what_counts(code, n):
    assert len(list(sentences(ast.parse(code)))) == n
