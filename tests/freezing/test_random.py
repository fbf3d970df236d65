"""The random control freezes as many, elsewhere."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop import UserError
from partial_backprop.freezing import fixed, random

LIKE = {"name": "fixed", "threshold": 0.5, "learning_rate": 1.0}


def gradients():
    draw = torch.Generator().manual_seed(0)
    return {
        "wide": torch.randn(40, 25, generator=draw),
        "narrow": torch.randn(7, generator=draw) * 10,
        "small": torch.randn(30, generator=draw) * 0.01,
    }


@given(st.integers(0, 2**63 - 1))
def test_each_layer_freezes_as_many_as_the_base(seed):
    base = fixed.mask(gradients(), threshold=0.5, learning_rate=1.0)
    mask = random.mask(gradients(), like=LIKE, seed=seed)
    assert {n: int(m.sum()) for n, m in mask.items()} == {n: int(m.sum()) for n, m in base.items()}
    assert {n: m.shape for n, m in mask.items()} == {n: m.shape for n, m in base.items()}
    assert mask.threshold is None


def test_a_seed_is_a_mask():
    draws = [random.mask(gradients(), like=LIKE, seed=seed)["wide"] for seed in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_the_draw_ignores_magnitudes_and_the_global_generator():
    one = random.mask(gradients(), like={"name": "quantile", "q": 0.5}, seed=3)
    torch.manual_seed(99)
    flipped = {name: gradient.flip(0) for name, gradient in gradients().items()}
    other = random.mask(flipped, like={"name": "quantile", "q": 0.5}, seed=3)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_every_weight_is_as_likely():
    """Frequencies over 2,000 seeds; five standard deviations of a binomial either way."""
    like = {"name": "quantile", "q": 0.75}
    runs = [random.mask({"w": torch.arange(8.0)}, like=like, seed=s)["w"] for s in range(2000)]
    counts = torch.stack(runs).sum(0)
    assert (counts - 500).abs().max() < 5 * (2000 * 0.25 * 0.75) ** 0.5


def test_a_seed_and_a_known_base_are_needed():
    with pytest.raises(ValueError, match="random"):
        random.mask(gradients(), like=LIKE)
    with pytest.raises(UserError, match=r"'fixt'.*freezing"):
        random.mask(gradients(), like={"name": "fixt"}, seed=0)
