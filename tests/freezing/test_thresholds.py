"""Units, sides and checks of thresholds."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop import registry
from partial_backprop.freezing.thresholds import magnitudes, raw_threshold, split

# Raw values of METHODS, computed from Table 1 and the listing's learning rate of 0.001.
RAW = {0.04: 4e-5, 0.19: 1.9e-4, 0.45: 4.5e-4, 0.50: 5e-4}


@pytest.mark.parametrize(("paper", "raw"), RAW.items())
def test_the_papers_thresholds_in_raw_units(paper, raw):
    assert raw_threshold(paper, 1e-3) == pytest.approx(raw, rel=1e-15)


@pytest.mark.parametrize("raw", [-1e-9, math.nan, math.inf])
def test_a_threshold_is_finite_and_not_negative(raw):
    with pytest.raises(ValueError, match="finite"):
        raw_threshold(raw, 1e-3)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_a_learning_rate_is_positive(rate):
    with pytest.raises(ValueError, match=r"learning_rate.*positive"):
        raw_threshold(0.1, rate)


@given(st.lists(st.floats(-2, 2, width=32), min_size=1))
def test_the_three_sides_of_a_split(values):
    gradients = {"w": torch.tensor(values, dtype=torch.float32)}
    frozen = {
        side: (~split(gradients, 1.0, side)["w"]).tolist()
        for side in ("at_or_below", "below", "above")
    }
    assert frozen["at_or_below"] == [abs(value) <= 1 for value in values]
    assert frozen["below"] == [abs(value) < 1 for value in values]
    assert frozen["above"] == [abs(value) > 1 for value in values]


def test_split_refuses_unknown_sides_and_no_gradients():
    with pytest.raises(ValueError, match="at_or_below"):
        split({"w": torch.ones(1)}, 1.0, "left")
    with pytest.raises(ValueError, match="there are no gradients"):
        split({}, 1.0)


def test_magnitudes_keep_the_order_and_leave_the_gradients_alone():
    gradients = {"b": torch.tensor([[-2.0, 1.0]]), "a": torch.tensor(-3.0, dtype=torch.float64)}
    assert magnitudes(gradients).tolist() == [2.0, 1.0, 3.0]
    assert gradients["b"].tolist() == [[-2.0, 1.0]]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_magnitudes_refuse_what_is_not_finite(bad):
    with pytest.raises(ValueError, match=r"NaN.*infinite"):
        magnitudes({"v": torch.ones(3), "w": torch.tensor([0.0, bad, 1.0])})


@pytest.mark.parametrize("gradients", [{}, {"w": torch.ones(0)}])
def test_magnitudes_refuse_nothing(gradients):
    with pytest.raises(ValueError, match="there are no gradients"):
        magnitudes(gradients)


CRITERIA = {
    "fixed": {"threshold": 0.7, "learning_rate": 1.0},
    "quantile": {"q": 0.5},
    "otsu_kde": {},
    "filters": {"q": 0.5},
    "random": {"like": {"name": "quantile", "q": 0.5, "scope": "layer"}, "seed": 0},
}


@pytest.mark.parametrize("name", CRITERIA)
@pytest.mark.filterwarnings("error::UserWarning")
def test_complex_gradients_are_ranked_by_magnitude(name):
    """Of a real part of 0, too: what is looked at is not cast before."""
    draw = torch.Generator().manual_seed(0)
    sizes = torch.rand(20, 30, generator=draw)
    mask = registry.load("freezing", name)
    turned = {"weight": torch.complex(torch.zeros_like(sizes), sizes)}
    expected = mask({"weight": sizes}, **CRITERIA[name])
    assert torch.equal(mask(turned, **CRITERIA[name])["weight"], expected["weight"])
    assert 0 < expected.n_frozen() < expected.n_weights()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_low_precision_is_compared_in_single_precision(dtype):
    values = torch.linspace(0.4, 0.6, 1000).to(dtype)
    threshold = 0.49998  # rounds to 0.5, which is among the values
    active = split({"w": values}, threshold)["w"]
    assert torch.equal(active, values.float() > threshold)
    assert not torch.equal(active, values > threshold)
