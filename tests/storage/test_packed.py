"""Every tensor comes back with the bits it had, and never in more bytes than it needs."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from partial_backprop.storage.packed import DTYPES, n_bytes, pack, unpack


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal in type, shape and every bit, so that a NaN equals itself and 0 differs from −0."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return one.contiguous().numpy().tobytes() == other.contiguous().numpy().tobytes()


def through(tensor: torch.Tensor) -> torch.Tensor:
    layout, _, content = pack(tensor)
    name = str(tensor.dtype).removeprefix("torch.")
    return unpack(content, layout, name, tuple(tensor.shape))


NUMPY = [np.dtype(name) for name in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "?")]


@given(
    st.sampled_from(NUMPY).flatmap(
        lambda dtype: arrays.arrays(
            dtype,
            arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
            elements=st.one_of(st.just(0), arrays.from_dtype(dtype)),
            fill=st.just(0),
        )
    )
)
def test_any_tensor_comes_back_bit_by_bit(array):
    # NaNs, infinities, denormal numbers and negative zeros are among those drawn.
    tensor = torch.from_numpy(np.ascontiguousarray(array)).reshape(array.shape)
    assert same(through(tensor), tensor)


def test_bfloat16_comes_back():
    tensor = torch.tensor([0, -0.0, 1.5, float("nan"), 0, 0, 0, 3e38], dtype=torch.bfloat16)
    assert same(through(tensor).view(torch.int16), tensor.view(torch.int16))


def test_a_mask_that_multiplies_leaves_negative_zeros_which_cost_a_bit():
    # 1000 bits, 200 of four bytes, and 800 bits for the signs of the zeros.
    tensor = torch.zeros(1000)
    tensor[::5] = -1.5
    tensor[1::5] = -0.0
    layout, n_values, content = pack(tensor)
    assert (layout, n_values, len(content)) == ("signs", 200, 125 + 100 + 800)
    assert content[125:126] == bytes([0b00010001])
    assert same(through(tensor), tensor)


def test_one_negative_zero_among_many_values_is_a_value():
    layout, n_values, _ = pack(torch.tensor([0.0] * 60 + [-0.0, 1.0]))
    assert (layout, n_values) == ("bitmap", 2)


def test_the_least_integer_is_no_negative_zero():
    tensor = torch.full((100,), torch.iinfo(torch.int32).min, dtype=torch.int32)
    assert pack(tensor)[:2] == ("dense", 100)


@given(st.integers(0, 400), st.floats(0, 1), st.integers(0, 99), st.booleans())
def test_the_shortest_layout_is_chosen(n, share, seed, signed):
    draw = np.random.default_rng(seed)
    values = (draw.random(n) >= share) * draw.normal(size=n)
    tensor = torch.tensor(values if signed else abs(values), dtype=torch.float32)
    n_zeros = int((tensor == 0).sum())
    n_negative = int(((tensor == 0) & tensor.signbit()).sum())
    bitmap, stored = math.ceil(n / 8), 4 * (n - n_zeros)
    lengths = (4 * n, bitmap + stored + 4 * n_negative, bitmap + math.ceil(n_zeros / 8) + stored)
    assert len(pack(tensor)[2]) == min(lengths)
    assert same(through(tensor), tensor)


def test_four_of_five_zeros_by_hand():
    # 1000 bits are 125 bytes, and 200 values of four bytes 800.
    tensor = torch.zeros(1000)
    tensor[::5] = 1.5
    layout, n_values, content = pack(tensor)
    assert (layout, n_values, len(content)) == ("bitmap", 200, 925)
    assert content[:2] == bytes([0b00100001, 0b10000100])
    assert content[125:129] == b"\x00\x00\xc0\x3f"


def test_memory_order_does_not_matter():
    tensor = torch.randn(4, 3, 2, 2).relu()
    last = tensor.to(memory_format=torch.channels_last)
    assert pack(tensor) == pack(last)
    assert pack(tensor.transpose(0, 1)) != pack(tensor)


def test_a_tensor_of_a_strange_type():
    with pytest.raises(ValueError, match="stored"):
        pack(torch.zeros(3, dtype=torch.complex64))


@pytest.mark.parametrize("layout", ["dense", "bitmap", "signs"])
@pytest.mark.parametrize("change", [-1, 1])
def test_a_wrong_length_is_noticed(layout, change):
    content = bytes({"dense": 12, "bitmap": 1, "signs": 2}[layout])
    content = content[:change] if change < 0 else content + b"\x00"
    with pytest.raises(ValueError, match="are no"):
        unpack(content, layout, "float32", (3,))


def test_a_length_that_is_told_and_not_there_costs_no_memory():
    with pytest.raises(ValueError, match="are no bitmap"):
        unpack(b"", "bitmap", "float32", (2**60,))


def test_lengths():
    assert n_bytes("dense", 9, 9, 2) == 18
    assert n_bytes("bitmap", 9, 3, 8) == 26
    assert n_bytes("signs", 90, 3, 4) == 12 + 11 + 12
    assert len(DTYPES) == 10
