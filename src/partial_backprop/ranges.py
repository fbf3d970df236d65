"""Numbers with a range, for the options of criteria, networks, data sets and recipes.

An option annotated so is checked when the configuration is read, and not epochs later.
"""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Range:
    """A closed range of finite numbers."""

    in_words: str
    low: float = 0.0
    high: float = 1.7976931348623157e308
    """The largest float: infinity lies outside."""
    without_low: bool = False

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high and not (self.without_low and value == self.low)


FromZero = Annotated[float, Range("a number from 0 up")]
AboveZero = Annotated[float, Range("a number above 0", without_low=True)]
Share = Annotated[float, Range("a number from 0 to 1", high=1.0)]

BY_NAME: dict[str, Range] = {
    "FromZero": FromZero.__metadata__[0],
    "AboveZero": AboveZero.__metadata__[0],
    "Share": Share.__metadata__[0],
}
