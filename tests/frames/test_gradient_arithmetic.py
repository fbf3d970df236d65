"""The seed's sums done again from its own summary, against the network itself."""

from pathlib import Path

import pytest

from partial_backprop import registry, reported
from partial_backprop.experiments.gradient_counts.gradient_arithmetic import arithmetic, lines
from partial_backprop.sparsification.layers import eligible
from partial_backprop.summary.keras import summarize

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture(scope="module")
def found():
    return arithmetic(reported.read(CONFIG))


def test_kernels_are_those_of_the_network(found):
    """From printed parameters less printed channels on one side, from the built network on the other."""
    model = registry.load("networks", "keras_cnn")((3, 32, 32), 10)
    seen = summarize(model, (3, 32, 32))
    kernels = [
        (layer.name, weight.index, weight.n_entries)
        for layer in seen.layers
        for weight in layer.weights
        if weight.role == "kernel"
    ]
    assert [(one.layer, one.index, one.n_entries) for one in found.kernels] == kernels
    assert found.n_all == seen.n_total
    assert found.n_statistics == seen.n_non_trainable
    assert found.n_eligible == sum(weight.numel() for weight in eligible(model).values())


def test_what_is_wrong_in_the_seed(found):
    """As found by hand: two typing errors, one forgotten index, a wrong sum."""
    assert [(one.layer, one.printed, one.n_entries) for one in found.mistyped] == [
        ("conv2d_3", 36854, 36864),
        ("conv2d_5", 147458, 147456),
    ]
    assert [(one.layer, one.index) for one in found.forgotten] == [("conv2d_3", 18)]
    assert found.printed["n_eligible"] == 549_112
    assert found.n_eligible == 549_120
    # The printed sum is right for the printed terms: the error is in the terms.
    assert sum(one.printed for one in found.kernels[1:]) == 549_112


def test_the_share_to_the_digit(found):
    by_name = {(line.quantity, line.printed is None): line for line in lines(found)}
    zeroed = by_name["zeroed, of the eligible", False]
    assert (zeroed.printed, round(zeroed.corrected, 2)) == (40.2, 40.27)
    kept = by_name["kept, of the eligible", False]
    assert (kept.printed, round(kept.corrected, 2)) == (59.8, 59.73)
    assert round(by_name["kept, of all", False].corrected, 2) == 60.0
    assert found.n_zeroed == found.printed["n_zeroed"] == 221_150
    # 40 % of 551,722 and of nothing else, by hand.
    assert found.n_zeroed_of_gradients == 220_689
    # With the first kernel's 864 entries the printed 40.2 % and 59.8 % would be right.
    with_first = by_name["zeroed, of these", True]
    assert round(with_first.corrected, 1) == 40.2
    assert found.n_eligible_with_first == 549_120 + 864


def test_each_line_is_a_count_or_a_percentage(found):
    for line in lines(found):
        assert line.is_percent or line.corrected == int(line.corrected)
        assert not line.is_percent or 0 < line.corrected < 100
