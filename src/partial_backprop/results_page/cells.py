"""Tables of results as they lie on the disk, made readable: CSV in, heads and cells out."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from partial_backprop import labels

WIDE = 14
"""A table of more columns and few rows is shown on its side."""
FEW = 12

_INTEGER = re.compile(r"-?\d+(\.0)?")
_NAMES = {"experiment": labels.experiment, "arm": labels.arm, "data": labels.data}


class Cells(NamedTuple):
    """A table in words."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    on_its_side: bool = False
    """Whether the first column has the heads."""


def read(path: Path) -> Cells:
    """Read a table without the columns that are empty here."""
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    kept = [place for place in range(len(head)) if any(row[place] for row in rows)]
    names = [head[place] for place in kept]
    cells = [tuple(cell(row[place], head[place]) for place in kept) for row in rows]
    if len(kept) > WIDE and len(rows) <= FEW:
        return _on_its_side(names, cells)
    return Cells(tuple(map(words, names)), tuple(cells))


def _on_its_side(names: Sequence[str], cells: Sequence[tuple[str, ...]]) -> Cells:
    columns = [
        (words(name), *values) for name, values in zip(names, zip(*cells, strict=True), strict=True)
    ]
    return Cells(columns[0], tuple(columns[1:]), on_its_side=True)


def words(name: str) -> str:
    """Name a column."""
    return _today(name).replace("_percent", "_%").replace("_", " ")


def _today(text: str) -> str:
    """Name the epoch that is best on the test set as today; columns of tables keep its former name."""
    return text.replace("paper_protocol", "best_on_test")


def cell(text: str, column: str = "") -> str:
    """Print a value: four digits of a number, the printed name of an experiment, arm or data set."""
    if column in _NAMES:
        return _NAMES[column](text)
    if column == "rule":
        return labels.RULES.get(_today(text), text)
    if _INTEGER.fullmatch(text):
        return text.removesuffix(".0")
    try:
        return number(float(text))
    except ValueError:
        return text


def number(value: float) -> str:
    """Print a number: four digits, and no fewer than those before the point."""
    return f"{value:,.1f}" if abs(value) >= 1e4 else f"{value:.4g}"
