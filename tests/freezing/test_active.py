"""Positions of active entries: against plain boolean indexing, in every memory layout."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.freezing.active import BLOCK, ActiveEntries, flat, layout
from partial_backprop.freezing.strict import bits

SHAPES = st.sampled_from([(1,), (7,), (3, 5), (4, 3, 2, 2), (BLOCK,), (BLOCK + 1,), (2, BLOCK)])


def laid_out(shape, seed: int, other: bool) -> torch.Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    if other and values.dim() == 4:
        return values.to(memory_format=torch.channels_last)
    return values.t().contiguous().t() if other and values.dim() == 2 else values


@given(SHAPES, st.floats(0, 1), st.integers(0, 100), st.booleans())
def test_gather_and_spread_are_boolean_indexing_in_memory_order(shape, share, seed, other):
    values = laid_out(shape, seed, other)
    active = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < share
    entries = ActiveEntries(values, active)
    assert entries.n_active == int(active.sum())
    assert torch.equal(entries.mask(), active)
    assert entries.mask().stride() == values.stride() or max(shape) == values.numel()
    found = entries.gather(values)
    assert sorted(found.tolist()) == sorted(values[active].tolist())
    assert torch.equal(found, flat(values)[flat(entries.mask())])
    back = entries.spread(found)
    assert torch.equal(back, values * active)


def test_positions_take_two_bytes_each_and_four_a_block():
    values = torch.zeros(10 * BLOCK)
    entries = ActiveEntries(values, torch.arange(10 * BLOCK) % 5 == 0)
    assert entries.n_bytes() == 2 * entries.n_active + 4 * 11


@given(st.integers(0, 19), st.booleans())
def test_the_checksum_sees_every_frozen_bit_and_no_active_one(place, frozen):
    values = torch.zeros(20)
    active = torch.zeros(20, dtype=torch.bool)
    active[place] = not frozen
    entries = ActiveEntries(values, active)
    before = entries.frozen_digest(values)
    bits(values)[place] = -(2**31)  # the bits of -0.0
    assert (entries.frozen_digest(values) != before) == frozen


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_the_checksum_reads_every_type(dtype):
    values = torch.arange(6, dtype=dtype)
    entries = ActiveEntries(values, values > 2)
    assert len(entries.frozen_digest(values)) == 32


def test_gaps_in_memory_are_refused():
    with pytest.raises(ValueError, match=r"contiguous\(\)"):
        flat(torch.zeros(4, 4)[:, :2])
    with pytest.raises(ValueError, match="memory"):
        flat(torch.zeros(3).expand(2, 3))


def test_axes_of_length_one_do_not_matter_to_the_layout():
    plain = torch.zeros(4, 3, 1, 1)
    assert layout(plain) == layout(plain.to(memory_format=torch.channels_last))
    assert layout(torch.zeros(4, 3, 2, 2)) != layout(
        torch.zeros(4, 3, 2, 2).to(memory_format=torch.channels_last)
    )
