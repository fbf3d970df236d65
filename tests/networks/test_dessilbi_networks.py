"""Layers of the networks of dessilbi2020, as it and the papers that it builds on count them."""

import pytest
import torch
from torch import nn

from partial_backprop import registry

WEIGHTS = {
    # dessilbi2020, Table 7.
    "lenet3": {"fc1": 235_200, "fc2": 30_000, "fc3": 1_000},
    # Frankle and Carbin, figure 2: 4.3 and 2.4 million weights in all.
    "conv2": {
        "conv1": 64 * 27, "conv2": 64 * 64 * 9,
        "fc1": 64 * 16 * 16 * 256, "fc2": 256 * 256, "fc3": 2_560,
    },
    "conv4": {
        "conv1": 64 * 27, "conv2": 64 * 64 * 9, "conv3": 128 * 64 * 9, "conv4": 128 * 128 * 9,
        "fc1": 128 * 8 * 8 * 256, "fc2": 256 * 256, "fc3": 2_560,
    },
}  # fmt: skip
SHAPES = {"lenet3": (1, 28, 28)}


def build(name, **options):
    return registry.load("networks", name)(SHAPES.get(name, (3, 32, 32)), 10, **options)


@pytest.mark.parametrize("name", WEIGHTS)
def test_layers_have_the_sources_numbers_of_weights(name):
    layers = [
        (which, module.weight.numel())
        for which, module in build(name).named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    assert layers == list(WEIGHTS[name].items())


@pytest.mark.parametrize(("name", "millions"), [("conv2", 4.3), ("conv4", 2.4)])
def test_the_papers_millions(name, millions):
    assert round(sum(WEIGHTS[name].values()) / 1e6, 1) == millions


def test_pairs_of_convolutions_stand_before_each_pooling():
    kinds = [type(layer).__name__ for layer in build("conv4", width=0.1)]
    pair = ["Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d"]
    assert kinds == [*pair, *pair, "Flatten", "Linear", "ReLU", "Linear", "ReLU", "Linear"]


def test_vgg16_has_thirteen_convolutions_in_the_usual_widths():
    widths = [m.out_channels for m in build("vgg16").modules() if isinstance(m, nn.Conv2d)]
    assert widths == [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6


def test_resnet56_is_of_the_family_of_resnet110():
    torch.manual_seed(0)
    found = build("resnet56", width=0.25).state_dict()
    torch.manual_seed(0)
    expected = build("resnet110", depth=56, width=0.25).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_resnet18_takes_coloured_images_only():
    with pytest.raises(ValueError, match="3 channels, got 1"):
        registry.load("networks", "resnet18")((1, 32, 32), 10)
