"""How numbers are printed, and what a table refuses."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.report import layout
from partial_backprop.report.layout import Cell, Row, Table
from partial_backprop.report.stats import student


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(88.125, 1, "88.1"), (-0.24, 2, "−0.24"), (-0.001, 2, "0.00"), (math.nan, 2, "–")],
)
def test_number(value: float, decimals: int, text: str) -> None:
    assert layout.number(value, decimals) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.04, "0.040"),
        (0.4567, "0.46"),
        (12.3, "12"),
        (0.0, "0"),
        (0.99999, "1.0"),
        (1.2345e-5, "1.2×10⁻⁵"),
        (-3.21e-7, "−3.2×10⁻⁷"),
        (4.5e9, "4.5×10⁹"),
        (math.nan, "–"),
    ],
)
def test_significant(value: float, text: str) -> None:
    assert layout.significant(value) == text


@given(st.floats(1e-12, 1e12), st.sampled_from([1, -1]))
def test_significant_keeps_the_value(value: float, sign: int) -> None:
    text = layout.significant(sign * value, 3).replace("−", "-")
    mantissa, _, power = text.partition("×10")
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    read = float(mantissa) * 10.0 ** int(power.translate(digits) or 0)
    assert read == pytest.approx(sign * value, rel=0.0051)


def test_spread_and_interval() -> None:
    assert layout.spread(pd.Series([88.0, 89.0])) == "88.50 ± 0.71"
    assert layout.spread(pd.Series([88.12])) == "88.12"
    assert layout.spread(pd.Series(dtype=float)) == "not run"
    assert layout.interval(student([-0.4, -0.2, -0.1])) == "−0.23 [−0.61, 0.15]"
    assert layout.interval(student([-0.24])) == "−0.24 [n/a (1 seed)]"
    assert layout.interval(student([])) == "not run"


def test_between() -> None:
    assert layout.between([0.04, 0.04]) == "0.040"
    assert layout.between([0.06, 0.04]) == "0.040–0.060"
    assert layout.between([]) == "–"


def test_a_row_must_fill_the_columns() -> None:
    frame = pd.DataFrame({"a": [1]})
    Table(frame, "lrr", (Row(("a", Cell("b", 2))),), (Row(("1", "2", "3")),))
    with pytest.raises(ValueError, match="fills"):
        Table(frame, "lrr", (), (Row(("1", "2")),))
