"""A network without its zero filters computes what it computed with them."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from partial_backprop.networks import filter_cnn
from partial_backprop.pruning.chain import chain
from partial_backprop.pruning.removal import remove

IMAGE = (2, 8, 8)
ACTIVATIONS = (nn.ReLU, nn.Sigmoid, nn.GELU)


@st.composite
def networks(draw):
    """A random chain of convolutions and linear layers, and the shape of its images."""
    torch.manual_seed(draw(st.integers(0, 2**31)))
    flag = st.booleans()
    layers: list[nn.Module] = []
    depth, side = IMAGE[:2]
    for _ in range(draw(st.integers(1, 3))):
        width = draw(st.integers(1, 5))
        padding = draw(st.sampled_from([0, 1, "same"] if side > 2 else [1, "same"]))
        layers.append(nn.Conv2d(depth, width, 3, padding=padding, bias=draw(flag)))
        side = layers[-1](torch.zeros(1, depth, side, side)).shape[-1]
        if draw(flag):
            layers.append(nn.BatchNorm2d(width))
        layers.append(draw(st.sampled_from(ACTIVATIONS))())
        if side >= 4 and draw(flag):
            layers.append(draw(st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]))(2))
            side //= 2
        depth = width
    layers += [nn.Flatten()]
    n = depth * side * side
    for _ in range(draw(st.integers(0, 2))):
        width = draw(st.integers(1, 5))
        layers.append(nn.Linear(n, width, bias=draw(flag)))
        if draw(flag):
            layers.append(nn.BatchNorm1d(width))
        layers += [nn.ReLU(), nn.Dropout()]
        n = width
    model = nn.Sequential(*layers, nn.Linear(n, 3)).double().eval()
    for module in model:
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for name in ("weight", "bias", "running_mean"):
                getattr(module, name).data.normal_()
            module.running_var.uniform_(0.5, 2)
            if draw(flag):
                module.bias.data.copy_(module.running_mean * module.weight).abs_().neg_()
    return model


@torch.no_grad()
def zero_some(model: nn.Sequential, chance: float) -> None:
    """Set filters and channels to zero at random, and the biases of some filters too."""
    for link in chain(model):
        blocks = link.blocks()
        blocks[torch.rand(blocks.shape[0]) < chance] = 0
        blocks[:, torch.rand(blocks.shape[1]) < chance] = 0
        if link.layer.bias is not None:
            link.layer.bias[torch.rand(len(link.layer.bias)) < 0.5] = 0


def outputs(model: nn.Sequential) -> torch.Tensor:
    images = torch.randn(5, *IMAGE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model(images)


@settings(max_examples=150, deadline=None)
@given(networks(), st.sampled_from([0.2, 0.5, 0.9]))
def test_the_function_is_preserved(model, chance):
    zero_some(model, chance)
    smaller = remove(model)
    torch.testing.assert_close(outputs(smaller), outputs(model), rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(networks(), st.sampled_from([0.2, 0.5, 0.9]))
def test_nothing_is_left_that_could_go(model, chance):
    zero_some(model, chance)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    smaller = remove(model)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())
    again = remove(smaller)
    assert [v.shape for v in again.state_dict().values()] == [
        v.shape for v in smaller.state_dict().values()
    ]
    links = chain(smaller)
    for producer, consumer in pairwise(links):
        if len(producer.layer.weight) > 1:
            assert consumer.blocks().ne(0).any(2).any(0).all()  # every unit is read
        if isinstance(consumer.layer, nn.Linear) and len(producer.layer.weight) > 1:
            assert producer.blocks().ne(0).any(2).any(1).all()  # and computed from something


@settings(max_examples=60, deadline=None)
@given(networks())
def test_without_zeros_nothing_is_removed(model):
    smaller = remove(model)
    for name, value in model.state_dict().items():
        assert torch.equal(smaller.state_dict()[name], value)


@pytest.mark.parametrize("by", ["filters", "channels"])
def test_the_network_of_the_source_shrinks_by_what_is_zero(by):
    torch.manual_seed(0)
    model = filter_cnn.build((3, 32, 32), 10, width=0.125).double()  # 8, 16, 32, 512 units
    units = {"conv1_1": 3, "conv2_1": 5, "conv3_1": 7, "fc1": 100}
    links = chain(model)
    with torch.no_grad():
        for producer, consumer in pairwise(links):
            gone = units[producer.name]
            if by == "filters":
                producer.blocks()[:gone] = 0
                if producer.layer.bias is not None:
                    producer.layer.bias[:gone] = 0
            else:
                consumer.blocks()[:, :gone] = 0
    smaller = remove(model)
    first, second, third, hidden = 5, 11, 25, 412
    expected = 27 * first + 9 * (first * second + second * third) + 16 * third * hidden + hidden
    expected += 10 * hidden + 10
    assert sum(parameter.numel() for parameter in smaller.parameters()) == expected
    assert list(smaller.state_dict()) == list(model.state_dict())
    images = torch.randn(4, 3, 32, 32, dtype=torch.float64)
    torch.testing.assert_close(smaller(images), model(images))


def test_a_constant_stays_before_a_padded_convolution_and_goes_before_another():
    for padding, n_left in ((1, 2), (0, 1)):
        model = nn.Sequential(nn.Conv2d(2, 2, 3), nn.ReLU(), nn.Conv2d(2, 3, 3, padding=padding))
        model = model.double()
        with torch.no_grad():
            model[0].weight[0] = 0
            model[0].bias[0] = 1
        smaller = remove(model)
        assert smaller[0].out_channels == smaller[2].in_channels == n_left
        torch.testing.assert_close(outputs(smaller), outputs(model))


def test_a_network_that_is_zero_throughout_keeps_a_unit_a_layer():
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten())
    model = nn.Sequential(*model, nn.Linear(4 * 16, 3)).double()
    with torch.no_grad():
        for link in chain(model):
            link.layer.weight.zero_()
    smaller = remove(model)
    assert [len(link.layer.weight) for link in chain(smaller)] == [1, 1, 3]
    torch.testing.assert_close(outputs(smaller), outputs(model))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.ReLU(), "ReLU.*sequence"),
        (nn.Sequential(nn.ReLU(), nn.Linear(2, 2)), "must begin with"),
        (nn.Sequential(nn.Conv2d(2, 2, 3), nn.Softmax(1)), "Softmax"),
        (nn.Sequential(nn.Conv2d(4, 4, 3, groups=2)), "0: a grouped convolution"),
        (
            nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 4, 3))),
            "computed",
        ),
        (nn.Sequential(nn.Conv2d(2, 4, 3), nn.AvgPool2d(2, padding=1)), "mixes zeros"),
        (nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(8)), "units"),
        (
            nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)),
            "needs running statistics",
        ),
        (nn.Sequential(nn.Conv2d(2, 4, 3), nn.Linear(7, 2)), "units"),
    ],
)
def test_what_is_no_chain_is_named(model, message):
    with pytest.raises(ValueError, match=message):
        remove(model)
