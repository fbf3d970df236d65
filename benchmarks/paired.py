"""Two ways of doing the same, timed in turn, so that what slows the machine down slows both."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from partial_backprop.performance import Spread

Way = Callable[[], object]
"""Something to time; called again and again."""


class Times(NamedTuple):
    """Seconds of each way, round by round."""

    names: tuple[str, ...]
    seconds: dict[str, list[float]]

    def spread(self, name: str) -> Spread:
        """Summarise the seconds of one way."""
        return spread(self.seconds[name])

    def ratio(self, numerator: str, denominator: str) -> Spread:
        """Summarise how many times as long one way takes as another."""
        pairs = zip(self.seconds[numerator], self.seconds[denominator], strict=True)
        return spread([above / below for above, below in pairs])


def spread(values: Sequence[float]) -> Spread:
    """Summarise values."""
    low, median, high = (float(f"{one:.4g}") for one in np.percentile(values, (25, 50, 75)))
    return Spread(low=low, median=median, high=high, n=len(values))


def seconds(way: Way, clock: Callable[[], float] = time.perf_counter) -> float:
    """Time one call."""
    started = clock()
    way()
    return clock() - started


def interleave(
    ways: Mapping[str, Way],
    *,
    rounds: int,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> Times:
    """Time several ways in turn."""
    if rounds < 1:
        raise ValueError(f"rounds must be 1 or more, got {rounds}")
    names = tuple(ways)
    for name in names:
        for _ in range(warm_up):
            ways[name]()
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            taken[name].append(seconds(ways[name], clock))
    return Times(names, taken)
