"""Ways take turns in changing order, and what they took is summed up rightly."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import paired


def test_ways_take_turns_and_the_order_changes():
    called = []
    ways = {name: lambda name=name: called.append(name) for name in "abc"}
    times = paired.interleave(ways, rounds=3, warm_up=2)
    assert "".join(called) == "aabbcc" + "abc" + "cba" + "abc"
    assert times.names == ("a", "b", "c")
    assert {name: len(seconds) for name, seconds in times.seconds.items()} == {
        "a": 3, "b": 3, "c": 3,
    }  # fmt: skip


def test_seconds_are_those_of_the_right_way():
    ticks = itertools.count()
    spent = {"short": 1, "long": 3}

    def clock() -> float:
        return float(next(ticks))

    def way(name: str):
        return lambda: [next(ticks) for _ in range(spent[name])]

    ways = {name: way(name) for name in spent}
    times = paired.interleave(ways, rounds=4, warm_up=0, clock=clock)
    assert times.seconds == {"short": [2.0] * 4, "long": [4.0] * 4}
    ratio = times.ratio("long", "short")
    assert (ratio.low, ratio.median, ratio.high, ratio.n) == (2, 2, 2, 4)


def test_a_ratio_is_taken_within_rounds():
    times = paired.Times(("a", "b"), {"a": [1.0, 10.0, 100.0], "b": [2.0, 20.0, 200.0]})
    assert times.ratio("b", "a").low == times.ratio("b", "a").high == 2
    assert times.spread("a").median == 10


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20))
def test_quartiles_are_numpy_s_in_order(values):
    found = paired.spread(values)
    assert found.low <= found.median <= found.high
    assert found.median == pytest.approx(np.median(values), rel=1e-3)
    assert found.n == len(values)


def test_no_rounds_is_an_error():
    with pytest.raises(ValueError, match="rounds"):
        paired.interleave({"a": lambda: None}, rounds=0)
