"""Packed values take the bits that they say, and come back as they were rounded."""

import math

import pytest
import torch

from partial_backprop.quantization.packed_values import (
    PackedValues,
    n_bytes,
    pack_bits,
    unpack_bits,
)
from partial_backprop.quantization.weibull import LEVELS

VALUES = torch.randn(1003, generator=torch.Generator().manual_seed(0))


def packed(values, bits=2, levels="weibull", seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    return PackedValues.of(values, bits, levels, generator, **options)


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("n", [1, 7, 8, 9, 1000, 1003])
def test_bits_go_and_come(bits, n):
    codes = torch.randint(0, 2**bits, (n,), dtype=torch.uint8)
    content = pack_bits(codes, bits)
    assert content.dtype == torch.uint8
    assert content.untyped_storage().nbytes() == bits * math.ceil(n / 8)
    assert torch.equal(unpack_bits(content, bits, n), codes)


def test_bits_out_of_range():
    with pytest.raises(ValueError, match="bits"):
        pack_bits(torch.zeros(8, dtype=torch.uint8), 9)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("levels", LEVELS)
def test_memory_and_values(bits, dtype, levels):
    values = VALUES.to(dtype)
    one = packed(values, bits, levels)
    assert one.content.untyped_storage().nbytes() == n_bytes(1003, bits, dtype)
    assert n_bytes(8_000, bits, torch.float32) == 1_000 * (bits + 1) + 4 * 2**bits
    back = one.unpack()
    assert (back.dtype, back.shape) == (dtype, values.shape)
    assert torch.equal(back > 0, values > 0)
    top = values.abs().argmax()
    assert back[top] == values[top]
    allowed = LEVELS[levels](values, bits).to(dtype)
    distance = (back.abs()[:, None] - allowed).abs().amin(1)
    assert (distance <= 1e-7).all()


def test_the_same_seed_gives_the_same_and_another_does_not():
    assert torch.equal(packed(VALUES).content, packed(VALUES).content)
    assert not torch.equal(packed(VALUES).content, packed(VALUES, seed=1).content)


def test_zeros_stay_and_small_positive_values_do_not_become_zero():
    values = torch.tensor([0.0, 1e-6, -1e-6, 1.0, -0.0])
    back = packed(values, 2, "uniform").unpack()
    assert back[0] == back[4] == 0
    assert 0 < back[1] < 1e-30
    assert back[2] == 0
    assert not packed(torch.zeros(9)).unpack().any()


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("levels", LEVELS)
def test_what_is_not_finite_is_seen(value, levels):
    values = VALUES.clone()
    values[3] = value
    assert packed(values, 2, levels).unpack().isnan().all()


def test_nearest_is_nearer():
    near, random = packed(VALUES, nearest=True).unpack(), packed(VALUES).unpack()
    assert (near - VALUES).norm() < (random - VALUES).norm()
    assert ((near - VALUES).abs() <= VALUES.abs()).all()
