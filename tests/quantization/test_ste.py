"""Levels, end points and gradient, against the source's listing and torch's fake quantization."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from partial_backprop.quantization.ste import quantize

BITS = st.integers(1, 8)
VALUES = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=200)
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


def by_the_listing(w, bit, keep_zeros):
    """sparse_homework, lines 317 to 340, in numpy and in the tensor's own precision."""
    weight_mask = w != 0
    alpha = np.max(w) - np.min(w)
    beta = np.min(w)
    ws = (w - beta) / alpha
    step = w.dtype.type(2**bit - 1)
    r = np.round(ws * step) / step
    wq = r * alpha + beta
    return wq * weight_mask if keep_zeros else wq


@pytest.mark.parametrize("keep_zeros", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(values=VALUES, bits=BITS)
def test_it_is_the_sources_listing(dtype, keep_zeros, values, bits):
    w = np.array(values, dtype=dtype)
    if w.max() == w.min():
        return  # 0 / 0 in the listing: see the test of constant tensors
    found = quantize(torch.from_numpy(w), bits, keep_zeros=keep_zeros).numpy()
    expected = by_the_listing(w, bits, keep_zeros)
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=4 * np.finfo(dtype).eps * np.abs(w).max()
    )


@pytest.mark.parametrize("dtype", DTYPES)
@given(values=VALUES, bits=BITS)
def test_few_levels_between_exact_ends(dtype, values, bits):
    w = torch.tensor(values, dtype=dtype)
    levels = quantize(w, bits, keep_zeros=False)
    assert levels.dtype == dtype
    assert levels.unique().numel() <= 2**bits
    assert levels[w == w.min()].eq(w.min()).all()
    assert levels[w == w.max()].eq(w.max()).all()
    assert levels.ge(w.min()).all()
    assert levels.le(w.max()).all()


@given(values=VALUES, bits=BITS)
def test_to_the_nearest_level(values, bits):
    w = torch.tensor(values, dtype=torch.float64)
    error = (quantize(w, bits, keep_zeros=False) - w).abs().max()
    half_a_step = (w.max() - w.min()) / (2**bits - 1) / 2
    assert error <= half_a_step + 1e-13


@given(values=st.lists(st.sampled_from([0.0, -0.0]) | st.floats(-2, 2), min_size=1), bits=BITS)
def test_zeros_are_kept_beside_the_levels(values, bits):
    w = torch.tensor(values, dtype=torch.float32)
    kept, lost = quantize(w, bits), quantize(w, bits, keep_zeros=False)
    assert (kept[w == 0] == 0).all()
    assert torch.equal(kept[w != 0], lost[w != 0])
    assert kept.unique().numel() <= 2**bits + 1


def test_without_keeping_them_zeros_move_to_the_nearest_level():
    w = torch.tensor([-1.0, 0.0, 2.0, 0.0])
    assert quantize(w, 1, keep_zeros=False).tolist() == [-1, -1, 2, -1]
    assert quantize(w, 1).tolist() == [-1, 0, 2, 0]
    assert quantize(w, 2).tolist() == [-1, 0, 2, 0]  # here 0 is a level anyway


def test_the_maximum_is_exact_where_the_listing_misses_it():
    """Of 1,000 random tensors; were there none, the departure would be without cause."""
    draw = torch.Generator().manual_seed(0)
    missed = 0
    for _ in range(1000):
        w = torch.randn(16, generator=draw)
        missed += by_the_listing(w.numpy(), 4, False).max() != w.max().item()
        assert quantize(w, 4).max() == w.max()
        assert quantize(w, 4).min() == w.min()
    assert missed > 0


@pytest.mark.parametrize("keep_zeros", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0.0, 0.3, -7.0])
@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
def test_constant_and_one_element_tensors_are_returned_as_they_are(shape, value, dtype, keep_zeros):
    w = torch.full(shape, value, dtype=dtype)
    assert torch.equal(quantize(w, 2, keep_zeros=keep_zeros), w)


@pytest.mark.parametrize("keep_zeros", [True, False])
@given(values=VALUES, bits=BITS)
def test_the_gradient_passes_straight_through(keep_zeros, values, bits):
    """Also where the weight is zero, or rounds to another."""
    draw = torch.Generator().manual_seed(bits)
    w = torch.tensor(values, dtype=torch.float32, requires_grad=True)
    upstream = torch.randn(len(values), generator=draw)
    quantize(w, bits, keep_zeros=keep_zeros).backward(upstream)
    assert torch.equal(w.grad, upstream)


def test_the_loss_is_that_of_the_quantized_weight():
    """Its gradient is taken there, and added to the float weight (statement 1.9 of the seed)."""
    w = nn.Parameter(torch.tensor([0.0, 0.4, 1.0]))
    loss = (quantize(w, 1, keep_zeros=False) - torch.tensor([1.0, 1.0, 1.0])).square().sum()
    loss.backward()
    assert loss.item() == 2
    assert w.grad.tolist() == [-2, -2, 0]
    torch.optim.SGD([w], lr=0.1).step()
    torch.testing.assert_close(w.detach(), torch.tensor([0.2, 0.6, 1.0]))


@given(data=st.data(), bits=BITS, exponent=st.integers(-4, 4))
def test_it_is_torchs_fake_quantization_where_zero_is_a_level(data, bits, exponent):
    """The settings coincide if both ends are whole numbers of steps from 0; halves are left out,
    which the two round to an even level and to an even number of steps."""
    n_steps = 2**bits - 1
    zero_point = data.draw(st.integers(0, n_steps))
    inner = data.draw(
        st.lists(st.tuples(st.integers(1, n_steps), st.floats(-0.49, 0.0)), max_size=50)
    )
    scale = 2.0**exponent
    steps = [0, n_steps, *(whole + part for whole, part in inner)]
    w = torch.tensor([(step - zero_point) * scale for step in steps], requires_grad=True)
    theirs_of = w.detach().clone().requires_grad_()
    ours = quantize(w, bits)
    theirs = torch.fake_quantize_per_tensor_affine(theirs_of, scale, zero_point, 0, n_steps)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6 * scale * n_steps)
    ours.sum().backward()
    theirs.sum().backward()
    assert torch.equal(w.grad, theirs_of.grad)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 6, 8, 12])
def test_all_levels_are_used_and_quantizing_again_changes_nothing(bits):
    w = torch.linspace(-0.7, 1.3, 20_000, dtype=torch.float64)
    once = quantize(w, bits)
    assert once.unique().numel() == 2**bits
    torch.testing.assert_close(quantize(once, bits), once, rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_many_bits_of_a_short_type_do_not_overflow(dtype):
    w = torch.tensor([-1.0, 0.25, 3.0], dtype=dtype)
    assert torch.equal(quantize(w, 24), w)


def test_a_nan_is_not_hidden():
    for bad in (math.nan, math.inf, -math.inf):
        assert quantize(torch.tensor([0.0, 1.0, bad]), 4)[1:].isnan().all()


def test_memory_layout_is_no_matter():
    w = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(quantize(w.to(memory_format=torch.channels_last), 3), quantize(w, 3))


@pytest.mark.parametrize("bits", [0, -1, 25, 2.0, True, None, "4"])
def test_other_bits_are_refused(bits):
    with pytest.raises(ValueError, match="bits"):
        quantize(torch.ones(2), bits)
