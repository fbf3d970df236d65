"""Frozen entries keep every bit; active ones are not touched."""

import contextlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from partial_backprop.freezing.strict import FrozenWeights, bits
from partial_backprop.layers import kernels

FLOATS = st.lists(
    st.tuples(
        st.booleans(),
        *[st.floats(width=32) | st.sampled_from([0.0, -0.0, float("nan"), float("inf")])] * 3,
    ),
    min_size=1,
    max_size=30,
)


@pytest.fixture(autouse=True, scope="module", params=["compiled", "torch"])
def way(request):
    """Both ways to pass over the entries; without a compiler they are one."""
    with contextlib.ExitStack() as stack:
        if request.param == "torch":
            stack.enter_context(kernels.torch_only())
        yield


@given(FLOATS)
def test_every_float_is_restored_by_the_bit(rows):
    """Also NaN, infinities, and zeros of either sign, on both sides."""
    active, before, after, gradient = (list(column) for column in zip(*rows, strict=True))
    active = torch.tensor(active)
    before, after, gradient = (
        torch.tensor(v, dtype=torch.float32) for v in (before, after, gradient)
    )
    parameter = nn.Parameter(after.clone())
    parameter.grad = gradient.clone()
    frozen = FrozenWeights({"w": parameter}, {"w": active})
    frozen.zero_gradients()
    bits(parameter).copy_(bits(before))
    frozen.note_values()
    bits(parameter).copy_(bits(after))
    frozen.restore_values()
    assert torch.equal(bits(parameter)[~active], bits(before)[~active])
    assert torch.equal(bits(parameter)[active], bits(after)[active])
    assert torch.all(bits(parameter.grad)[~active] == 0)
    assert torch.equal(bits(parameter.grad)[active], bits(gradient)[active])


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64]
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_types_and_memory_layouts(dtype, layout):
    draw = torch.Generator().manual_seed(0)
    shape = (4, 3, 5, 5)
    parameter = nn.Parameter(torch.randn(shape, generator=draw).to(dtype).to(memory_format=layout))
    before = parameter.detach().clone()
    active = torch.rand(shape, generator=draw) < 0.5
    frozen = FrozenWeights({"w": parameter}, {"w": active})
    parameter.grad = torch.ones_like(parameter, memory_format=torch.contiguous_format)
    frozen.zero_gradients()
    frozen.note_values()
    with torch.no_grad():
        parameter += 1
    moved = parameter.detach().clone()
    frozen.restore_values()
    assert torch.equal(parameter, torch.where(active, moved, before))
    assert torch.equal(parameter.grad, active.to(dtype))


def test_values_that_were_not_noted_are_left_alone():
    parameter = nn.Parameter(torch.ones(3))
    frozen = FrozenWeights({"w": parameter}, {"w": torch.tensor([True, False, False])})
    with torch.no_grad():
        parameter.fill_(5.0)
    frozen.restore_values()
    assert parameter.tolist() == [5.0] * 3


def test_no_gradient_and_nothing_frozen_are_no_trouble():
    first, second = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(2))
    active = {"a": torch.zeros(3, dtype=torch.bool), "b": torch.ones(2, dtype=torch.bool)}
    frozen = FrozenWeights({"a": first, "b": second}, active)
    frozen.zero_gradients()
    frozen.note_values()
    with torch.no_grad():
        first.fill_(5.0)
        second.fill_(5.0)
    frozen.restore_values()
    assert (first.tolist(), second.tolist()) == ([1.0] * 3, [5.0] * 2)


def test_values_noted_in_one_way_are_restored_in_the_other():
    parameter = nn.Parameter(torch.tensor([1.0, 2.0, float("nan")]))
    frozen = FrozenWeights({"w": parameter}, {"w": torch.tensor([False, True, False])})
    frozen.note_values()
    with torch.no_grad():
        parameter.fill_(5.0)
    with kernels.torch_only():
        frozen.restore_values()
    assert parameter[:2].tolist() == [1.0, 5.0]
    assert parameter[2].isnan()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_a_frozen_value_that_differs_is_found(dtype):
    parameter = nn.Parameter(torch.zeros(100, dtype=dtype))
    active = torch.arange(100) < 50
    frozen = FrozenWeights({"w": parameter}, {"w": active})
    then = parameter.detach().clone()
    with torch.no_grad():
        parameter[49] = 1.0
    assert not frozen.differ("w", then)
    with torch.no_grad():
        parameter[50] = -0.0
    assert frozen.differ("w", then)
    assert not frozen.differ("another", then)
