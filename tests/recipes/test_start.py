"""Weights of another run, or a user's own."""

import pickle

import pytest
import torch
from torch import nn

from partial_backprop.errors import UserError
from partial_backprop.recipes.start import load_weights


def network(width=3):
    return nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pt"


def test_weights_are_taken_over(path):
    source, target = network(), network()
    torch.save(source.state_dict(), path)
    load_weights(target, path)
    for name, tensor in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], tensor)


def test_batch_counters_may_be_absent(path):
    state = network().state_dict()
    del state["1.num_batches_tracked"]
    torch.save(state, path)
    target = network()
    load_weights(target, path)
    assert torch.equal(target[0].weight, state["0.weight"])


class Evil:
    def __reduce__(self):
        return eval, ("1 + 1",)


def without(name):
    return {key: value for key, value in network().state_dict().items() if key != name}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (without("0.weight"), "lacks"),
        (network().state_dict() | {"extra": torch.ones(1)}, "extra"),
        (network(4).state_dict(), r"0\.weight is 4 x 2 there and 3 x 2 here"),
        ([torch.ones(1)], "state_dict"),
        ({}, "state_dict"),
        ({"epoch": 3}, "'epoch'.*tensor"),
        (Evil(), "safely"),
    ],
)
def test_what_does_not_fit_is_told_and_nothing_is_changed(path, content, message):
    torch.save(content, path)
    target = network()
    before = {name: tensor.clone() for name, tensor in target.state_dict().items()}
    with pytest.raises(UserError, match=message) as told:
        load_weights(target, path)
    assert "\n" not in str(told.value)
    assert str(path) in str(told.value)
    assert all(torch.equal(before[name], found) for name, found in target.state_dict().items())


@pytest.mark.parametrize("content", [b"", b"no archive", pickle.dumps({"a": Evil()})])
def test_a_file_that_is_no_archive(path, content):
    path.write_bytes(content)
    with pytest.raises(UserError, match="safely"):
        load_weights(network(), path)


def test_a_missing_file(path):
    with pytest.raises(UserError, match="weights"):
        load_weights(network(), path)
