"""How numbers are printed in the article's sentences."""

import math
from collections.abc import Sequence

from partial_backprop.paper.text import Tex, escape
from partial_backprop.report.verdict import Judgement

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def integer(value: float) -> Tex:
    """Print a whole number with its thousands apart."""
    return Tex(f"{round(value):,}")


def _word(value: int) -> Tex:
    """Print a small count as a word."""
    return Tex(_WORDS[value]) if value < len(_WORDS) else integer(value)


def decimal(value: float, digits: int | None = None) -> Tex:
    """Print a number with a true minus sign."""
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
    """Print a percentage."""
    return Tex(rf"{decimal(value, digits)}\,\%")


def points(value: float, digits: int = 2) -> Tex:
    """Print a difference of percentages with its sign."""
    text = f"{value:+.{digits}f}"
    return Tex(f"${text[1:] if float(text) == 0 else text}$")


def _short(value: float, digits: int) -> Tex:
    """Print a number with so many significant digits, or all of a large whole one; empty for NaN."""
    if math.isnan(value):
        return Tex("")
    if abs(value) >= 1000 and value == round(value):
        return integer(value)
    return decimal(float(f"{value:.{digits}g}"))


def claimed(found: Judgement) -> Tex:
    """Print what a claim reports, with its margin."""
    allowed = rf" $\pm$ {_short(found.margin, 2)}" if found.margin else ""
    return Tex(f"{_short(found.reported, 5)}{allowed}".strip())


def measured(found: Judgement) -> Tex:
    """Print what was measured for a claim, with its interval where that has any width."""
    mean = _short(found.estimate, 3)
    if not found.low < found.high:
        return mean
    return Tex(f"{mean} [{_short(found.low, 3)}, {_short(found.high, 3)}]")


def listing(items: Sequence[str]) -> Tex:
    """Join items as a sentence does."""
    *head, last = [escape(item) for item in items] or [Tex("")]
    return Tex(f"{', '.join(head)} and {last}") if head else last


def plural(count: int, noun: str) -> Tex:
    """Print a count with its noun."""
    return Tex(f"{_word(count)} {escape(noun)}{'' if count == 1 else 's'}")
