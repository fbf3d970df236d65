"""The number that is frozen is exact, and ties are settled by order."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.freezing import quantile

TENSORS = st.lists(st.lists(st.integers(-3, 3), min_size=1, max_size=20), min_size=1, max_size=4)


def as_gradients(tensors):
    return {
        f"p{i}": torch.tensor(entries, dtype=torch.float32) for i, entries in enumerate(tensors)
    }


def by_hand(values, q):
    """Sort by magnitude, then by place; freeze the first of them."""
    n_frozen = math.floor(q * len(values) + 0.5)
    order = sorted(range(len(values)), key=lambda i: (abs(values[i]), i))
    frozen = set(order[:n_frozen])
    return [i not in frozen for i in range(len(values))]


@given(TENSORS, st.floats(0, 1))
def test_network_scope_is_one_stable_sort(tensors, q):
    mask = quantile.mask(as_gradients(tensors), q=q)
    together = [entry for entries in tensors for entry in entries]
    assert torch.cat(list(mask.values())).tolist() == by_hand(together, q)
    if mask.n_frozen():
        frozen = [abs(v) for v, on in zip(together, by_hand(together, q), strict=True) if not on]
        assert mask.threshold == max(frozen)
    else:
        assert mask.threshold is None


@given(TENSORS, st.floats(0, 1))
def test_layer_scope_is_a_sort_in_each(tensors, q):
    mask = quantile.mask(as_gradients(tensors), q=q, scope="layer")
    assert [entries.tolist() for entries in mask.values()] == [by_hand(t, q) for t in tensors]
    assert mask.threshold is None


def test_shapes_are_kept_in_any_memory_layout():
    gradient = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    plain = quantile.mask({"w": gradient}, q=0.5)["w"]
    last = quantile.mask({"w": gradient.to(memory_format=torch.channels_last)}, q=0.5)["w"]
    assert plain.shape == gradient.shape
    assert torch.equal(plain, last)


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
def test_q_is_a_share(q):
    with pytest.raises(ValueError, match="q is a share from 0 to 1"):
        quantile.mask({"w": torch.ones(2)}, q=q)


def test_other_scopes_are_refused():
    with pytest.raises(ValueError, match=r"'block'.*network"):
        quantile.mask({"w": torch.ones(2)}, q=0.5, scope="block")
