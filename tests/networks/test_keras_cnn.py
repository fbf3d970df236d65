"""The Keras network: layers in the recipe's order, Keras' initial weights and constants."""

import itertools
import math

import pytest
import torch
from torch import nn

from partial_backprop import registry


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return registry.load("networks", "keras_cnn")((3, 32, 32), 10)


def test_activation_comes_before_normalisation(model):
    """In Keras it is a part of the convolution, and the seed lists the normalisation after that."""
    layers = list(model)
    for before, after in itertools.pairwise(layers):
        if isinstance(after, nn.BatchNorm2d | nn.BatchNorm1d):
            assert isinstance(before, nn.ReLU)


def test_initial_weights_fill_the_range_of_he_uniform(model):
    *inner, last = [layer for layer in model if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer in inner:
        bound = math.sqrt(6 / layer.weight[0].numel())
        assert 0.98 * bound < layer.weight.abs().max() <= bound
        assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    bound = math.sqrt(6 / (128 + 10))
    assert 0.98 * bound < last.weight.abs().max() <= bound
    assert not any(layer.bias.any() for layer in (*inner, last))


def test_constants_are_keras_own(model):
    """Keras' BatchNormalization: epsilon 0.001; momentum 0.99, the share that is kept."""
    norms = [layer for layer in model if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d)]
    assert len(norms) == 7
    assert {norm.eps for norm in norms} == {1e-3}
    assert [norm.momentum for norm in norms] == pytest.approx([1 - 0.99] * 7)
    assert [layer.p for layer in model if isinstance(layer, nn.Dropout)] == [0.2, 0.3, 0.4, 0.5]


def test_channel_order_only_permutes_the_dense_kernel(model):
    """Flattened pixel by pixel as in Keras, the network is the same with the kernel's rows permuted."""
    model.eval()
    features = torch.randn(2, 128, 4, 4)
    order = torch.arange(2048).view(128, 4, 4).permute(1, 2, 0).flatten()
    as_keras = features.permute(0, 2, 3, 1).flatten(1)
    kernel = model.get_submodule("dense").weight
    torch.testing.assert_close(
        as_keras @ kernel[:, order].T, features.flatten(1) @ kernel.T, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("dropout", [(0.1,), (0.1, 0.1, 0.1, 1.0), (-0.1, 0, 0, 0)])
def test_dropout_is_four_shares(dropout):
    with pytest.raises(ValueError, match="four shares"):
        registry.load("networks", "keras_cnn")((3, 32, 32), 10, dropout=dropout)
