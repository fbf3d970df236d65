"""What every table is made of: rows of plain text, and how numbers are printed.

Cells hold plain text with Unicode signs (± − ×); whoever writes LaTeX escapes them.
"""

import math
from collections.abc import Sequence

from partial_backprop.intervals import Difference, Summary
from partial_backprop.report.layout import Cell, Row, Table  # noqa: F401

NOT_RUN = "not run"
"""Stands where there is no record."""

NOT_MEASURED = "not measured"
"""Stands where records are older than what is asked of them."""

NONE = "–"
"""Stands where a quantity does not exist."""

MINUS = "−"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, decimals: int = 2) -> str:
    """Print a number with a fixed number of decimals.

    Parameters
    ----------
    value : float
        The number; NaN does not exist.
    decimals : int
        Digits after the point.

    Returns
    -------
    str
        The number with a true minus sign, or a dash for NaN.
    """
    if math.isnan(value):
        return NONE
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", MINUS)


def significant(value: float, digits: int = 2) -> str:
    """Print a number with a fixed number of significant digits.

    Parameters
    ----------
    value : float
        The number; NaN does not exist.
    digits : int
        Significant digits.

    Returns
    -------
    str
        Such as ``0.040`` or ``1.2×10⁻⁵``, or a dash for NaN.
    """
    if math.isnan(value) or value == 0:
        return NONE if math.isnan(value) else "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if -4 < int(exponent) < digits + 2:
        return number(value, max(0, digits - 1 - int(exponent)))
    power = str(int(exponent)).translate(_SUPERSCRIPT)
    return f"{mantissa}×10{power}".replace("-", MINUS)


def spread(values: Summary, decimals: int = 2) -> str:
    """Print a mean and its sample standard deviation.

    Parameters
    ----------
    values : Summary
        Over seeds.
    decimals : int
        Digits after the point.

    Returns
    -------
    str
        Such as ``88.12 ± 0.21``; the mean alone for one seed; not run for none.
    """
    if not values.n:
        return NOT_RUN
    if math.isnan(values.std):
        return number(values.mean, decimals)
    return f"{number(values.mean, decimals)} ± {number(values.std, decimals)}"


def interval(difference: Difference, decimals: int = 2) -> str:
    """Print a difference with its interval.

    Parameters
    ----------
    difference : Difference
        Over paired seeds.
    decimals : int
        Digits after the point.

    Returns
    -------
    str
        Such as ``−0.24 [−0.60, 0.12]``; where one pair has no interval it is ``n/a (1 seed)``, and where
        all pairs agree ``n/a (no spread)``.
    """
    if not difference.n:
        return NOT_RUN
    mean = number(difference.mean, decimals)
    if math.isnan(difference.low):
        return f"{mean} [n/a (1 seed)]"
    if difference.low == difference.high:
        return f"{mean} [n/a (no spread)]"
    ends = (number(end, decimals) for end in (difference.low, difference.high))
    return f"{mean} [{', '.join(ends)}]"


def thresholds(values: Sequence[float]) -> str:
    """Print one threshold or the range over seeds.

    Parameters
    ----------
    values : sequence of float
        One a seed; may be empty.

    Returns
    -------
    str
        One number where all print the same, else the lowest and the highest; a dash for none.
    """
    if not len(values):
        return NONE
    low, high = significant(min(values)), significant(max(values))
    return low if low == high else f"{low}–{high}"
