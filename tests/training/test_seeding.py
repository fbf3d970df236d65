"""Seeds that depend on what they are for and on nothing that ran before."""

from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.training import seeding


@given(seed=st.integers(0, 2**31), epoch=st.integers(0, 1000))
def test_derived_seeds_fit_torch_and_differ_by_purpose(seed, epoch):
    found = {seeding.derive(seed, purpose, epoch) for purpose in ("shuffle", "epoch", "mask")}
    assert len(found) == 3
    assert all(0 <= value < 2**63 for value in found)


@given(n=st.integers(1, 50), seed=st.integers(0, 9), epoch=st.integers(0, 9))
def test_shuffled_is_a_permutation(n, seed, epoch):
    assert sorted(seeding.shuffled(n, seed, epoch).tolist()) == list(range(n))
