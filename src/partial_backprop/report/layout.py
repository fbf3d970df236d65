"""What every table is made of: rows of plain text, and how numbers are printed.

Cells hold plain text with Unicode signs (± − ×); whoever writes LaTeX escapes them.
"""

import dataclasses
import math
from collections.abc import Sequence

import pandas as pd

from partial_backprop.report.stats import Interval

NOT_RUN = "not run"
"""Stands where there is no record."""

NOT_MEASURED = "not measured"
"""Stands where records are older than what is asked of them."""

NONE = "–"
"""Stands where a quantity does not exist."""

MINUS = "−"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclasses.dataclass(frozen=True)
class Cell:
    """A text over `span` columns; `alignment` (l, c, r) is used where these are several."""

    text: str
    span: int = 1
    """Columns, at least 1."""
    alignment: str = "c"


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of a table, whose cells fill its columns."""

    cells: tuple[str | Cell, ...]
    italic: bool = False
    """Marks numbers that were not measured here."""
    rule_above: bool = False
    """Whether space separates it from the line above."""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table, as raw values (the CSV) and in print."""

    frame: pd.DataFrame
    columns: str
    """Alignment of each column, l, c or r."""
    header: tuple[Row, ...]
    body: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """Paragraphs under it."""

    def __post_init__(self) -> None:
        for row in self.header + self.body:
            width = sum(cell.span if isinstance(cell, Cell) else 1 for cell in row.cells)
            if width != len(self.columns):
                raise ValueError(f"a row fills {width} of {len(self.columns)} columns: {row.cells}")


def number(value: float, decimals: int = 2) -> str:
    """Print a number with a true minus sign, and a dash for NaN."""
    if math.isnan(value):
        return NONE
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", MINUS)


def whole(value: float) -> str:
    """Print a count with its thousands apart, and a dash for NaN."""
    return NONE if math.isnan(value) else f"{value:,.0f}"


def significant(value: float, digits: int = 2) -> str:
    """Print significant digits, such as ``0.040`` or ``1.2×10⁻⁵``, and a dash for NaN."""
    if math.isnan(value) or value == 0:
        return NONE if math.isnan(value) else "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if -4 < int(exponent) < digits + 2:
        return number(value, max(0, digits - 1 - int(exponent)))
    power = str(int(exponent)).translate(_SUPERSCRIPT)
    return f"{mantissa}×10{power}".replace("-", MINUS)


def spread(values: pd.Series, decimals: int = 2) -> str:
    """Print mean ± sample standard deviation over seeds, of one seed its value."""
    if not len(values):
        return NOT_RUN
    mean = number(values.mean(), decimals)
    return mean if len(values) < 2 else f"{mean} ± {number(values.std(ddof=1), decimals)}"


def interval(found: Interval, decimals: int = 2) -> str:
    """Print a difference with its 95 % interval, or why there is none: one seed, or no spread."""
    if not found.n:
        return NOT_RUN
    mean = number(found.mean, decimals)
    if math.isnan(found.low):
        return f"{mean} [n/a ({'1 seed' if found.n == 1 else 'no spread'})]"
    ends = (number(end, decimals) for end in (found.low, found.high))
    return f"{mean} [{', '.join(ends)}]"


def between(values: Sequence[float]) -> str:
    """Print the range over seeds with two significant digits, one number where it is one."""
    if not len(values):
        return NONE
    low, high = significant(min(values)), significant(max(values))
    return low if low == high else f"{low}–{high}"
