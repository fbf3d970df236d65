"""How numbers are printed in the article's sentences."""

import math
from collections.abc import Sequence

from partial_backprop.intervals import Difference
from partial_backprop.paper.text import Tex, escape
from partial_backprop.report.verdict import Judgement

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def integer(value: float) -> Tex:
    """Print a whole number with its thousands apart.

    Parameters
    ----------
    value : float
        A whole number.

    Returns
    -------
    Tex
        Such as ``20,040,522``.
    """
    return Tex(f"{round(value):,}")


def word(value: int) -> Tex:
    """Print a small count as a word.

    Parameters
    ----------
    value : int
        A count, 0 or more.

    Returns
    -------
    Tex
        A word up to ten, digits beyond.
    """
    return Tex(_WORDS[value]) if value < len(_WORDS) else integer(value)


def decimal(value: float, digits: int | None = None) -> Tex:
    """Print a number with a true minus sign.

    Parameters
    ----------
    value : float
        Any finite number.
    digits : int, optional
        Digits after the point; None prints as few as the value needs, in powers of ten where it
        is smaller than 0.001 in magnitude.

    Returns
    -------
    Tex
        The number.
    """
    if digits is not None:
        text = f"{value:.{digits}f}"
        text = text.removeprefix("-") if float(text) == 0 else text
    else:
        text = f"{value:.4g}"
        if "e" in text or 0 < abs(value) < 1e-3:
            mantissa, exponent = f"{value:.1e}".split("e")
            mantissa = mantissa.removesuffix(".0")
            factor = "" if mantissa == "1" else rf"{mantissa}\times "
            return Tex(rf"${factor}10^{{{int(exponent)}}}$")
    return Tex(f"${text}$" if text.startswith("-") else text)


def percent(value: float, digits: int = 2) -> Tex:
    """Print a percentage.

    Parameters
    ----------
    value : float
        In percent.
    digits : int
        Digits after the point.

    Returns
    -------
    Tex
        The number and its sign, kept together.
    """
    return Tex(rf"{decimal(value, digits)}\,\%")


def points(value: float, digits: int = 2) -> Tex:
    """Print a difference of percentages with its sign.

    Parameters
    ----------
    value : float
        In percentage points.
    digits : int
        Digits after the point.

    Returns
    -------
    Tex
        The number without a unit; a positive one has a plus.
    """
    text = f"{value:+.{digits}f}"
    return Tex(f"${text[1:] if float(text) == 0 else text}$")


def span(values: Sequence[float], digits: int = 2) -> Tex:
    """Print the range of some percentages.

    Parameters
    ----------
    values : sequence of float
        At least one, in percent.
    digits : int
        Digits after the point.

    Returns
    -------
    Tex
        One percentage, or the smallest and the largest.
    """
    low, high = (percent(end, digits) for end in (min(values), max(values)))
    return low if low == high else Tex(f"{low} to {high}")


def difference(value: Difference, digits: int = 2) -> Tex:
    """Print a difference with its interval.

    Parameters
    ----------
    value : Difference
        In percentage points.
    digits : int
        Digits after the point.

    Returns
    -------
    Tex
        The mean; in brackets after it the interval, where there is one. Seeds that all agree give none.
    """
    mean = points(value.mean, digits)
    if not value.low < value.high:
        return mean
    low, high = (points(end, digits).strip("$") for end in (value.low, value.high))
    return Tex(f"{mean} $[{low},\\,{high}]$")


def short_number(value: float) -> Tex:
    """Print a number of any size for a table.

    Parameters
    ----------
    value : float
        NaN does not exist.

    Returns
    -------
    Tex
        Four significant digits, two below one, or all of a large whole number; empty for NaN.
    """
    if math.isnan(value):
        return Tex("")
    if abs(value) >= 1000 and value == round(value):
        return integer(value)
    return decimal(float(f"{value:.2g}") if abs(value) < 1 else value)


def claimed(found: Judgement) -> Tex:
    """Print what a claim reports, with its margin.

    Parameters
    ----------
    found : Judgement
        The claim.

    Returns
    -------
    Tex
        Such as ``-0.03 ± 0.075``; the margin alone where nothing is printed.
    """
    allowed = rf" $\pm$ {short_number(found.margin)}" if found.margin else ""
    return Tex(f"{short_number(found.reported)}{allowed}".strip())


def measured(found: Judgement) -> Tex:
    """Print what was measured for a claim, with its interval.

    Parameters
    ----------
    found : Judgement
        The claim.

    Returns
    -------
    Tex
        Such as ``-0.11 [-0.18, -0.04]``; empty where nothing was.
    """
    mean = short_number(found.estimate)
    if not found.low < found.high:
        return mean
    return Tex(f"{mean} [{short_number(found.low)}, {short_number(found.high)}]")


def listing(items: Sequence[str]) -> Tex:
    """Join items as a sentence does.

    Parameters
    ----------
    items : sequence of str
        Escaped where they are not `Tex`.

    Returns
    -------
    Tex
        Such as ``a, b and c``; empty for no item.
    """
    *head, last = [escape(item) for item in items] or [Tex("")]
    return Tex(f"{', '.join(head)} and {last}") if head else last


def plural(count: int, noun: str) -> Tex:
    """Print a count with its noun.

    Parameters
    ----------
    count : int
        0 or more.
    noun : str
        Its singular; the plural has an s.

    Returns
    -------
    Tex
        Such as ``three seeds``.
    """
    return Tex(f"{word(count)} {escape(noun)}{'' if count == 1 else 's'}")
