"""Zeros are counted as the rule says, and as the source prints them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from partial_backprop.networks import filter_cnn
from partial_backprop.pruning.cost import multiply_adds, saved_bytes, size
from partial_backprop.pruning.filters import count, sparse

WEIGHTS = st.lists(st.floats(-1, 1) | st.sampled_from([0.0, 1e-5, -1e-5]), min_size=1)


@given(WEIGHTS, st.sampled_from([0.0, 1e-5, 0.5]))
def test_the_two_rules(values, threshold):
    weights = torch.tensor(values, dtype=torch.float64)
    assert sparse(weights, threshold).tolist() == [-threshold <= v <= threshold for v in values]
    assert sparse(weights, threshold, signed=True).tolist() == [v < threshold for v in values]


def test_a_network_of_random_weights_is_half_sparse_as_printed():
    torch.manual_seed(0)
    found = count(filter_cnn.build((3, 32, 32), 10, width=0.25), 1e-5)
    n_weights = sum(tensor.n_weights for tensor in found)
    assert sum(tensor.n_signed for tensor in found) / n_weights == pytest.approx(0.5, abs=0.01)
    assert sum(tensor.n_zeros for tensor in found) / n_weights < 0.002


def test_counts_by_filter_add_up_and_linear_layers_have_none():
    model = filter_cnn.build((3, 32, 32), 10, width=0.125)
    with torch.no_grad():
        model.conv2_1.weight[3] = 0
        model.fc1.bias.fill_(-1)
    found = {tensor.name: tensor for tensor in count(model, 0.0)}
    assert list(found) == [name for name, _ in model.named_parameters()]
    assert found["conv2_1.weight"].zeros_by_filter == (0, 0, 0, 72) + (0,) * 12
    assert found["fc1.bias"].n_signed == 512
    for name, tensor in found.items():
        if name.startswith("conv"):
            assert sum(tensor.zeros_by_filter) == tensor.n_zeros
            assert sum(tensor.signed_by_filter) == tensor.n_signed
        else:
            assert tensor.zeros_by_filter is tensor.signed_by_filter is None


def test_a_negative_threshold_is_told():
    with pytest.raises(ValueError, match="0 or more"):
        count(nn.Linear(1, 1), -1.0)


def test_multiplications_by_hand():
    model = filter_cnn.build((3, 32, 32), 10, width=0.125)
    by_hand = 27 * 8 * 32**2 + 72 * 16 * 16**2 + 144 * 32 * 8**2 + 512 * 512 + 5120
    model.train()
    assert multiply_adds(model, (3, 32, 32)) == by_hand
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def test_the_files_size_is_that_of_a_file(tmp_path):
    model = filter_cnn.build((3, 32, 32), 10, width=0.125)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    # The name of the file stands in it a few times.
    assert saved_bytes(model) == pytest.approx((tmp_path / "weights.pt").stat().st_size, abs=400)
    found = size(model, (3, 32, 32))
    assert found.units == (8, 16, 32, 512, 10)
    assert found.n_bytes > 4 * found.n_parameters
