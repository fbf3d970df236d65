"""A small network, its batches and the loop of the documentation."""

import functools

import torch
import torch.nn.functional as F
from torch import nn

from partial_backprop.freezing import quantile
from partial_backprop.freezing.strict import bits

OPTIMIZERS = {
    "sgd": functools.partial(torch.optim.SGD, lr=0.05),
    "sgd decay": functools.partial(torch.optim.SGD, lr=0.05, weight_decay=0.1),
    "momentum": functools.partial(torch.optim.SGD, lr=0.02, momentum=0.9, weight_decay=0.01),
    "nesterov": functools.partial(
        torch.optim.SGD, lr=0.02, momentum=0.9, nesterov=True, weight_decay=0.01
    ),
    "momentum fused": functools.partial(torch.optim.SGD, lr=0.02, momentum=0.9, fused=True),
    "adam": functools.partial(torch.optim.Adam, lr=0.01, foreach=False),
    "adam decay": functools.partial(torch.optim.Adam, lr=0.01, weight_decay=0.1),
    "adam foreach": functools.partial(torch.optim.Adam, lr=0.01, foreach=True),
    "adamw": functools.partial(torch.optim.AdamW, lr=0.01, weight_decay=0.1),
    "adamw fused": functools.partial(torch.optim.AdamW, lr=0.01, weight_decay=0.1, fused=True),
    "amsgrad": functools.partial(torch.optim.Adam, lr=0.01, amsgrad=True),
    "amsgrad fused": functools.partial(torch.optim.Adam, lr=0.01, amsgrad=True, fused=True),
    "rmsprop": functools.partial(
        torch.optim.RMSprop, lr=0.01, momentum=0.9, centered=True, weight_decay=0.01
    ),
}
HALF = functools.partial(quantile.mask, q=0.5)
N_BATCHES = 4


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * 4 * 4, 8),
        nn.ReLU(),
        nn.Linear(8, 3),
    )


def batches(epoch: int):
    draw = torch.Generator().manual_seed(epoch)
    for _ in range(N_BATCHES):
        images = torch.randn(16, 1, 6, 6, generator=draw)
        yield images, torch.randint(0, 3, (16,), generator=draw)


def train(model, optimizer, pb, epochs, after_backward=lambda: None) -> None:
    """Run the plain loop of the documentation."""
    for epoch in epochs:
        pb.begin_epoch(epoch)
        for images, labels in batches(epoch):
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            after_backward()
            optimizer.step()


def values(model) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def assert_same_bits(one, other) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(bits(one[name]), bits(other[name])), name
