"""Which tensors are weights, and which the source prunes."""

import pytest
from torch import nn

from partial_backprop.networks import resnet20
from partial_backprop.pruning.layers import prunable, weights


@pytest.fixture(scope="module")
def model():
    return resnet20.build((3, 32, 32), 10)


def test_the_sources_twenty_layers_in_order(model):
    """Seed 003, lines 204 to 223, prints these names in this order."""
    blocks = [f"body_op.{block}.conv{which}.0.conv" for block in range(9) for which in (1, 2)]
    assert list(prunable(model)) == ["head_conv.0.conv", *blocks, "final_fc.linear"]


def test_the_numbers_of_weights(model):
    """268,336: the only total of these layers' shapes of which 0.8000007453342078 is a share."""
    n_prunable = sum(weight.numel() for weight in prunable(model).values())
    n_all = sum(weight.numel() for weight in weights(model).values())
    assert (n_prunable, n_all - n_prunable) == (268_336, 2_560)
    assert 214_669 / n_prunable == 0.8000007453342078  # seed 003, line 294


def test_id_mapping_is_a_weight_in_its_place(model):
    names = list(weights(model))
    assert [name for name in names if name not in prunable(model)] == [
        "body_op.3.id_mapping.0.conv",
        "body_op.6.id_mapping.0.conv",
    ]
    assert names.index("body_op.3.id_mapping.0.conv") == names.index("body_op.3.conv2.0.conv") + 1


def test_they_are_the_networks_own_tensors(model):
    assert all(
        weight is model.get_submodule(name).weight for name, weight in weights(model).items()
    )


def test_any_network_has_weights():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    assert list(weights(model)) == list(prunable(model)) == ["0", "3"]
    assert list(weights(nn.Linear(2, 2))) == [""]
