"""Quantizers sit in all layers but the first and the last, and leave the weights alone."""

import copy

import pytest
import torch
from torch import nn

from partial_backprop.networks import resnet20
from partial_backprop.pruning.layers import weights
from partial_backprop.quantization.layers import quantize_layers, wrappers
from partial_backprop.quantization.ste import quantize

IMAGES = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return resnet20.build((3, 16, 16), 10, width=0.25).eval()


def test_every_weight_of_resnet20_has_a_wrapper(model):
    assert list(wrappers(model)) == list(weights(model))


def test_first_and_last_stay_float_and_id_mapping_does_not(model):
    quantized = quantize_layers(model, 4)
    assert quantized == list(weights(model))[1:-1]
    assert {"body_op.3.id_mapping.0.conv", "body_op.6.id_mapping.0.conv"} < set(quantized)
    assert not {"head_conv.0.conv", "final_fc.linear"} & set(quantized)


@pytest.mark.parametrize("bits", [4, 2])
def test_it_computes_with_what_the_weights_round_to(model, bits):
    by_hand = copy.deepcopy(model)
    quantized = quantize_layers(model, bits)
    with torch.no_grad():
        for name in quantized:
            weight = by_hand.get_submodule(name).weight
            weight.copy_(quantize(weight, bits))
        assert torch.equal(model(IMAGES), by_hand(IMAGES))
        assert not torch.equal(model(IMAGES), resnet20.build((3, 16, 16), 10, width=0.25)(IMAGES))


def test_the_weights_stay_float_and_none_takes_it_out_again(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        as_float = model(IMAGES)
        quantize_layers(model, 2)
        assert not torch.equal(model(IMAGES), as_float)
        assert model.state_dict().keys() == before.keys()
        assert all(torch.equal(model.state_dict()[name], before[name]) for name in before)
        assert quantize_layers(model, None) == []
        assert torch.equal(model(IMAGES), as_float)


def test_every_float_weight_gets_a_gradient(model):
    quantize_layers(model.train(), 3)
    model(IMAGES).square().sum().backward()
    assert all(weight.grad.any() for weight in weights(model).values())


def test_zeros_are_kept_or_not(model):
    with torch.no_grad():
        for weight in weights(model).values():
            weight.masked_fill_(torch.rand(weight.shape) < 0.5, 0)
    for keep_zeros in (True, False):
        for name in quantize_layers(model, 3, keep_zeros=keep_zeros):
            wrapper, weight = wrappers(model)[name], weights(model)[name]
            zeros = wrapper.weight_transform(weight)[weight == 0]
            assert bool((zeros == 0).all()) == keep_zeros


def test_a_network_without_wrappers_is_told():
    with pytest.raises(ValueError, match="quantize"):
        quantize_layers(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(2, 2)), 4)


def test_bits_out_of_range_are_told(model):
    with pytest.raises(ValueError, match="bits"):
        quantize_layers(model, 0)
