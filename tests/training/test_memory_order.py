"""Weights with channels last are stepped on as they lie, and come out the same by the bit."""

import copy

import pytest
import torch
from torch import nn

from partial_backprop.training import memory_order

SHAPES = [
    (16, 3, 3, 3),
    (8, 1, 5, 5),
    (64, 32, 3, 3),
    (10, 64, 1, 1),
    (32, 16, 2, 4),
    (7,),
    (5, 64),
]
BUILD = {
    "amsgrad": lambda p: torch.optim.Adam(p, amsgrad=True, weight_decay=0.1, fused=True),
    "adam": lambda p: torch.optim.Adam(p, fused=True),
    "adamw": lambda p: torch.optim.AdamW(p, fused=True),
    "foreach": lambda p: torch.optim.Adam(p, amsgrad=True, foreach=True),
}


def parameters(shapes=SHAPES) -> list[nn.Parameter]:
    torch.manual_seed(0)
    made = [torch.randn(shape) for shape in shapes]
    return [
        nn.Parameter(t.contiguous(memory_format=torch.channels_last) if t.dim() == 4 else t)
        for t in made
    ]


def step(optimizer, weights, seed) -> None:
    generator = torch.Generator().manual_seed(seed)
    for weight in weights:
        drawn = torch.randn(weight.shape, generator=generator)
        weight.grad = torch.empty_like(weight).copy_(drawn * 10 ** (-3 * drawn.abs()))
    optimizer.step()


def state(optimizer):
    return [value for one in optimizer.state.values() for value in one.values()]


@pytest.mark.parametrize("name", BUILD)
def test_the_same_bits(name):
    plain, ours = parameters(), parameters()
    optimizers = BUILD[name](plain), memory_order.keep(BUILD[name](ours))
    for seed in range(5):
        for optimizer, weights in zip(optimizers, (plain, ours), strict=True):
            step(optimizer, weights, seed)
    for one, other in zip(plain, ours, strict=True):
        assert torch.equal(one, other)
        assert one.stride() == other.stride()
    for one, other in zip(*map(state, optimizers), strict=True):
        assert torch.equal(one, other)
        assert one.shape == other.shape
        assert one.stride() == other.stride()


def test_what_lies_otherwise_is_left_alone():
    ours = parameters()
    optimizer = memory_order.keep(BUILD["amsgrad"](ours))
    step(optimizer, ours, 0)
    lists = [[] for _ in range(6)]
    ours[4].grad = ours[4].grad.contiguous()  # its own order no longer fits that of its weights
    optimizer._init_group(optimizer.param_groups[0], *lists)
    shapes = [tuple(tensor.shape) for tensor in lists[0]]
    assert shapes[0] == (16, 3, 3, 3)  # 432 elements: no whole number of vectors
    assert shapes[2] == (64, 3, 3, 32)
    assert shapes[4:] == SHAPES[4:]
    for number, shape in enumerate(shapes):
        for other in lists[1:5]:
            assert tuple(other[number].shape) == shape


def test_a_copy_and_a_resumed_optimizer_go_on():
    ours, again = parameters(), parameters()
    optimizer = memory_order.keep(BUILD["amsgrad"](ours))
    step(optimizer, ours, 0)
    resumed = memory_order.keep(BUILD["amsgrad"](again))
    for weight, other in zip(ours, again, strict=True):
        other.data.copy_(weight.data)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for one, weights in ((optimizer, ours), (resumed, again)):
        step(one, weights, 1)
    for one, other in zip(ours, again, strict=True):
        assert torch.equal(one, other)
    assert type(optimizer) is torch.optim.Adam
