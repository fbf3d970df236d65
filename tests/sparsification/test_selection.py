"""How many gradients, which of them, and what ties do."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.sparsification.selection import drawn, n_to_zero, threshold, within

FLOATS = st.lists(
    st.floats(-100, 100, width=32).map(lambda value: value + 0.0), min_size=1, max_size=60
)
# Few distinct values, so that ties are the rule.
TIES = st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]), min_size=1, max_size=60)


def test_the_seeds_count():
    """gradient_notes, line 73."""
    assert n_to_zero(552874, 549120, 0.4) == 221150


@given(st.integers(1, 10**6), st.integers(0, 1000))
def test_the_share_is_rounded_to_the_nearest(n_all, thousandths):
    share = thousandths / 1000
    n = n_to_zero(n_all, n_all, share)
    assert abs(n - share * n_all) <= 0.5
    assert n == int(share * n_all + 0.5)


def test_more_than_may_be_zeroed_is_told():
    with pytest.raises(ValueError, match="share"):
        n_to_zero(100, 40, 0.5)
    with pytest.raises(ValueError, match="from 0 to 1"):
        n_to_zero(100, 40, 1.2)


@given(values=FLOATS | TIES, data=st.data())
def test_at_least_n_are_zeroed_and_exactly_n_without_ties(values, data):
    gradients = torch.tensor(values)
    n = data.draw(st.integers(1, len(values)))
    chosen = within(gradients, threshold(gradients.abs(), n))
    # Independently, by sorting.
    ranked = np.sort(np.abs(np.array(values, dtype=np.float32)))
    expected = int((ranked <= ranked[n - 1]).sum())
    assert int(chosen.sum()) == expected >= n
    if n == len(values) or ranked[n] > ranked[n - 1]:
        assert expected == n
    # None that is kept is smaller than one that is zeroed.
    kept, zeroed = gradients[~chosen].abs(), gradients[chosen].abs()
    assert not len(kept) or kept.min() > zeroed.max()


@given(values=FLOATS, data=st.data())
def test_both_ends_of_the_interval_belong_to_it(values, data):
    n = data.draw(st.integers(1, len(values)))
    gradients = torch.tensor(values + [-value for value in values])
    limit = threshold(torch.tensor(values).abs(), n)
    chosen = within(gradients, limit)
    assert chosen[gradients == limit].all()
    assert chosen[gradients == -limit].all()
    assert torch.equal(chosen[: len(values)], chosen[len(values) :])


@pytest.mark.parametrize("n", [0, 4, -1])
def test_a_threshold_needs_something_to_zero(n):
    with pytest.raises(ValueError, match="n must be from 1 to 3"):
        threshold(torch.ones(3), n)


@given(st.integers(0, 80), st.integers(0, 2**31), st.data())
def test_a_draw_has_exactly_n_and_depends_on_its_generator_alone(n_eligible, seed, data):
    n = data.draw(st.integers(0, n_eligible))
    before = torch.get_rng_state()
    chosen, again = (drawn(n_eligible, n, torch.Generator().manual_seed(seed)) for _ in range(2))
    assert chosen.dtype == torch.bool
    assert int(chosen.sum()) == n
    assert torch.equal(chosen, again)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_draw_is_uniform():
    """Each of 20 places is drawn 2000 * 8 / 20 = 800 times, within six standard deviations."""
    generator = torch.Generator().manual_seed(0)
    counts = sum(drawn(20, 8, generator).int() for _ in range(2000))
    deviation = (2000 * 0.4 * 0.6) ** 0.5
    assert (counts - 800).abs().max() < 6 * deviation


def test_a_draw_of_too_many_is_told():
    with pytest.raises(ValueError, match="n must be from 0 to 3"):
        drawn(3, 4, torch.Generator())
