"""EfficientNet-Lite0, computed once more from its weights with plain functions."""

import pytest
import torch
import torch.nn.functional as F

from partial_backprop.captioning import published
from partial_backprop.networks import efficientnet_lite0
from partial_backprop.storage import state_dict

STRIDE_2 = {1, 3, 5, 11}
"""Blocks that halve the resolution; the first convolution does so too."""
PADS = {(3, 1): (1, 1), (5, 1): (2, 2), (3, 2): (0, 1), (5, 2): (1, 2)}
"""Kernel size and stride -> what TensorFlow adds before and after an even number of pixels."""


def convolved(x, weight, stride=1):
    size, depthwise = weight.shape[2], weight.shape[1] == 1
    if size > 1:
        x = F.pad(x, PADS[size, stride] * 2)
    return F.conv2d(x, weight, stride=stride, groups=len(weight) if depthwise else 1)


def normalised(x, state, name):
    mean, var, weight, bias = (
        state[f"{name}.{kind}"].view(-1, 1, 1)
        for kind in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / torch.sqrt(var + 0.001) * weight + bias


def again(state, x):
    """Features of images whose sides are multiples of 64."""
    x = normalised(convolved(x, state["_conv_stem.weight"], 2), state, "_bn0").clamp(0, 6)
    for number in range(16):
        block, before = f"_blocks.{number}", x
        if f"{block}._expand_conv.weight" in state:
            x = convolved(x, state[f"{block}._expand_conv.weight"])
            x = normalised(x, state, f"{block}._bn0").clamp(0, 6)
        stride = 2 if number in STRIDE_2 else 1
        x = convolved(x, state[f"{block}._depthwise_conv.weight"], stride)
        x = normalised(x, state, f"{block}._bn1").clamp(0, 6)
        x = convolved(x, state[f"{block}._project_conv.weight"])
        x = normalised(x, state, f"{block}._bn2")
        if x.shape == before.shape:
            x = x + before
    return x


@pytest.fixture(scope="module")
def state():
    """The public weights in double precision; the package that holds them is in the lock."""
    path, _ = published.find("efficientnet_lite0")
    found = state_dict.read(path)
    return {name: tensor.double() for name, tensor in found.items()}


@torch.no_grad()
def test_the_public_weights_compute_what_they_say(state):
    model = efficientnet_lite0.build((3, 64, 64), 1000).double().eval()
    model.load_state_dict(state)
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    features = again(state, images)
    assert features.shape == (2, 320, 2, 2)
    torch.testing.assert_close(model.features(images), features)
    wide = normalised(convolved(features, state["_conv_head.weight"]), state, "_bn1").clamp(0, 6)
    assert 0.05 < (wide > 0).double().mean() < 0.95
    logits = wide.mean((2, 3)) @ state["_fc.weight"].T + state["_fc.bias"]
    torch.testing.assert_close(model(images), logits)


def test_size_and_names_are_those_of_the_public_weights(state):
    """4,652,008 is the number in the table of EfficientNet-Lite's authors, 4.7 million."""
    with torch.device("meta"):
        model = efficientnet_lite0.build((3, 224, 224), 1000)
    assert sum(parameter.numel() for parameter in model.parameters()) == 4_652_008
    assert list(model.state_dict()) == list(state)


@pytest.mark.parametrize("side", [32, 96, 224])
def test_the_map_is_a_thirty_second_of_the_image(side):
    with torch.device("meta"):
        model = efficientnet_lite0.build((3, side, side), 10).eval()
        assert model.features(torch.empty(1, 3, side, side)).shape[2:] == (side // 32, side // 32)


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_dropout_must_be_a_share(dropout):
    with pytest.raises(ValueError, match="dropout"):
        efficientnet_lite0.build((3, 32, 32), 10, dropout=dropout)
