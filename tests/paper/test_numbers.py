"""Numbers in print."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.paper import numbers


def read(text: str) -> float:
    """Read a printed number back."""
    power = re.fullmatch(r"\$(?:([-.\d]+)\\times )?10\^\{(-?\d+)\}\$", text)
    if power:
        return float(power[1] or 1) * 10 ** int(power[2])
    return float(text.strip("$").replace(",", ""))


@given(st.floats(-1e9, 1e9))
def test_decimals_read_back(value):
    # Four significant digits, or two in powers of ten.
    assert read(numbers.decimal(value)) == pytest.approx(value, rel=0.06, abs=0)
    assert read(numbers.decimal(value, 2)) == pytest.approx(value, abs=0.0051)


@given(st.integers(-(10**12), 10**12))
def test_integers_read_back(value):
    assert read(numbers.integer(value)) == value


@given(st.floats(-100, 100))
def test_points_have_a_sign_unless_they_are_zero(value):
    text = numbers.points(value)
    assert read(text) == pytest.approx(value, abs=0.0051)
    assert text[1] in "+-" or read(text) == 0


def test_raw_thresholds_of_the_source_are_powers_of_ten():
    # METHODS A: 0.04 and 0.19 in the source's units are these at its learning rate of 0.001.
    assert numbers.decimal(0.04 * 0.001) == r"$4\times 10^{-5}$"
    assert numbers.decimal(0.19 * 0.001) == r"$1.9\times 10^{-4}$"


def test_lists_read_as_sentences_and_are_escaped():
    assert numbers.listing([]) == ""
    assert numbers.listing(["a"]) == "a"
    assert numbers.listing(["a", "b"]) == "a and b"
    assert numbers.listing(["a_1", "b", "c"]) == r"a\_1, b and c"


def test_small_counts_are_words():
    assert numbers.plural(1, "seed") == "one seed"
    assert numbers.plural(3, "seed") == "three seeds"
    assert numbers.plural(110, "epoch") == "110 epochs"
