"""A mask holds 0 and 1, and counts them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop import Mask


@given(
    st.lists(st.sampled_from([0.0, 1.0]), min_size=1), st.sampled_from(["float32", "int64", "bool"])
)
def test_zeros_are_frozen_and_ones_active(entries, dtype):
    mask = Mask({"w": torch.tensor(entries).to(getattr(torch, dtype))})
    assert mask["w"].tolist() == [entry == 1 for entry in entries]
    assert mask.n_weights() == len(entries)
    assert mask.n_frozen() == entries.count(0.0)


@given(st.floats().filter(lambda value: value not in (0.0, 1.0)), st.integers(0, 2))
def test_anything_else_is_refused(value, place):
    entries = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64)
    entries[place] = value
    with pytest.raises(ValueError, match=r"'fc\.weight'"):
        Mask({"fc.weight": entries})


def test_it_is_a_mapping_in_the_order_given():
    mask = Mask({"b": torch.ones(2), "a": torch.zeros(2, 3)}, threshold=0.5)
    assert list(mask) == ["b", "a"]
    assert len(mask) == 2
    assert mask.threshold == 0.5
    assert (mask.n_weights(), mask.n_frozen()) == (8, 6)
    with pytest.raises(KeyError):
        mask["c"]
