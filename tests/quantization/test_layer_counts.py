"""Zeros and values are counted as the layers use the weights."""

import pytest
import torch

from partial_backprop.networks import resnet20
from partial_backprop.pruning.layers import prunable, weights
from partial_backprop.pruning.pruner import Pruner
from partial_backprop.quantization.counts import layer_counts
from partial_backprop.quantization.layers import quantize_layers


@pytest.fixture
def model():
    torch.manual_seed(0)
    return resnet20.build((3, 16, 16), 10, width=0.5)


def test_of_a_fresh_network(model):
    counts = layer_counts(model)
    assert [one.name for one in counts] == list(weights(model))
    assert [one.name for one in counts if one.prunable] == list(prunable(model))
    for one in counts:
        values = weights(model)[one.name].detach().flatten().tolist()
        assert (one.n_weights, one.n_values) == (len(values), len(set(values)))
        assert one.n_zeros == sum(value == 0 for value in values)


def test_of_a_pruned_and_quantized_one(model):
    pruner = Pruner(prunable(model), 0.8)
    pruner.prune()
    for name, zeros in pruner.held.items():
        assert {c.name: c.n_zeros for c in layer_counts(model)}[name] == int(zeros.sum())
    before = {one.name: one for one in layer_counts(model)}
    quantized = set(quantize_layers(model, 2))
    after = {one.name: one for one in layer_counts(model)}
    for name, one in after.items():
        if name not in quantized:
            assert one == before[name]
        elif one.prunable:
            assert one.n_zeros == before[name].n_zeros
            assert one.n_values == 5  # four levels, and zero
        else:
            assert one.n_values == 4
    quantize_layers(model, 2, keep_zeros=False)
    lost = {one.name: one for one in layer_counts(model)}
    assert all(lost[name].n_zeros == 0 and lost[name].n_values == 4 for name in quantized)


def test_zeros_of_either_sign_are_one_value(model):
    with torch.no_grad():
        model.final_fc.linear.weight.zero_()
        model.final_fc.linear.weight[0] = -0.0
    last = layer_counts(model)[-1]
    assert (last.n_values, last.n_zeros) == (1, last.n_weights)


def test_it_leaves_no_graph_and_no_gradient(model):
    quantize_layers(model, 4)
    layer_counts(model)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_trained_in_four_bits_over_a_global_ramp_the_total_is_the_sources():
    """sparse_homework, Lab 3 (e): line 449, of the float weights and of those that the layers use."""
    torch.manual_seed(0)
    model = resnet20.build((3, 8, 8), 10)
    quantize_layers(model, 4)
    pruner = Pruner(prunable(model), 0.8, scope="global", ramp_epochs=3)
    optimizer = torch.optim.SGD(model.parameters(), 0.002, momentum=0.875, weight_decay=1e-4)
    images, labels = torch.randn(8, 3, 8, 8), torch.arange(8)
    for epoch in range(5):
        pruner.begin_epoch(epoch)
        for _ in range(2):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
            pruner.after_step()
    used = [one for one in layer_counts(model) if one.prunable]
    quantize_layers(model, None)
    stored = [one for one in layer_counts(model) if one.prunable]
    assert [one.n_zeros for one in used] == [one.n_zeros for one in stored]
    n_weights = sum(one.n_weights for one in used)
    assert sum(one.n_zeros for one in used) / n_weights == 0.8000007453342078
    assert all(one.n_values <= 2**4 + 1 for one in used[1:-1])
    assert len({one.n_zeros / one.n_weights for one in used}) > 10  # not the same in every layer
