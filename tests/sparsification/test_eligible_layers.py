"""Which weights may lose their gradients."""

import pytest
import torch
from torch import nn

from partial_backprop import registry
from partial_backprop.sparsification.layers import eligible


def test_the_seeds_kernels_without_the_first():
    """gradient_notes, line 75 as it should read: 549,120 entries in seven kernels."""
    model = registry.load("networks", "keras_cnn")((3, 32, 32), 10)
    found = eligible(model)
    assert [weight.numel() for weight in found.values()] == [
        9216,
        18432,
        36864,
        73728,
        147456,
        262144,
        1280,
    ]
    assert sum(weight.numel() for weight in found.values()) == 549_120
    assert all(dict(model.named_parameters())[name] is weight for name, weight in found.items())


def test_the_first_kernel_can_be_eligible_too():
    model = registry.load("networks", "keras_cnn")((3, 32, 32), 10)
    found = eligible(model, spare_first=False)
    assert next(iter(found)) == "conv2d.weight"
    assert sum(weight.numel() for weight in found.values()) == 549_120 + 864


def test_a_network_without_kernels_is_told():
    with pytest.raises(ValueError, match="no kernel"):
        eligible(nn.Sequential(nn.Linear(2, 2)))
    assert torch.is_tensor(eligible(nn.Linear(2, 2), spare_first=False)["weight"])
