"""A fixed threshold: parity with the listing, and the border."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.freezing import fixed


def heavy_tailed(*shape: int, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    sign = torch.randn(shape, generator=draw)
    return sign * torch.exp(2 * torch.randn(shape, generator=draw)) * 1e-4


@pytest.mark.parametrize("threshold", [0.04, 0.19, 0.45, 0.5])
def test_it_freezes_what_the_listing_freezes(threshold):
    gradients = {"weight": heavy_tailed(300, 100), "bias": heavy_tailed(300, seed=1)}
    active = fixed.mask(gradients, threshold=threshold)
    for name, gradient in gradients.items():
        listing = torch.ones_like(gradient)
        listing[(gradient / 0.001).abs() <= threshold] = 0
        differs = active[name] != listing.bool()
        # Only the rounding of one division separates the two.
        scaled = (gradient[differs].double() / 0.001).abs()
        assert torch.all((scaled - threshold).abs() <= threshold * 2**-22)
        assert differs.sum() <= 1
        assert 0 < listing.mean() < 1
    assert active.threshold == threshold * 0.001


@pytest.mark.parametrize("threshold", [0.04, 0.19, 0.45, 0.5, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_tie_is_frozen_and_its_neighbour_is_not(threshold, dtype):
    tie = torch.tensor(threshold * 0.001, dtype=dtype)
    above = torch.nextafter(tie, torch.tensor(1.0, dtype=dtype))
    below = torch.nextafter(tie, torch.tensor(0.0, dtype=dtype))
    gradients = {"w": torch.stack([tie, -tie, above, -above, below, -below])}
    active = fixed.mask(gradients, threshold=threshold)["w"]
    assert active.tolist() == [False, False, True, True, False, False]


def test_threshold_zero_freezes_the_natural_zeros():
    gradients = {"w": torch.tensor([0.0, -0.0, 1e-45, -1.0])}
    assert fixed.mask(gradients, threshold=0)["w"].tolist() == [False, False, True, True]


@given(st.floats(0, 10), st.floats(0, 10))
def test_a_higher_threshold_freezes_a_superset(first, second):
    low, high = sorted((first, second))
    gradients = {"w": heavy_tailed(2000) * 10}
    frozen_low, frozen_high = (~fixed.mask(gradients, threshold=t)["w"] for t in (low, high))
    assert torch.all(frozen_high[frozen_low])


def test_the_learning_rate_is_a_unit():
    gradients = {"w": heavy_tailed(1000)}
    paper = fixed.mask(gradients, threshold=0.25, learning_rate=2**-10)
    raw = fixed.mask(gradients, threshold=0.25 * 2**-10, learning_rate=1)
    assert torch.equal(paper["w"], raw["w"])


def test_bad_numbers_are_refused():
    with pytest.raises(ValueError, match="a threshold must be"):
        fixed.mask({"w": torch.ones(1)}, threshold=-0.1)
    with pytest.raises(ValueError, match="learning_rate must be"):
        fixed.mask({"w": torch.ones(1)}, threshold=0.1, learning_rate=0.0)
