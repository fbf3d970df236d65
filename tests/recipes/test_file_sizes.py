"""A network that a file does not bring back whole is noticed, image by image."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from partial_backprop.experiments.weight_pruning import file_sizes
from partial_backprop.storage import sparse_file
from partial_backprop.training.batches import DeviceSplit


@pytest.fixture
def setting():
    """Twelve images of one pixel, whose sign decides which of two weights they see."""
    images = torch.tensor([0] * 5 + [255] * 7, dtype=torch.uint8).view(12, 1, 1, 1)
    split = SimpleNamespace(images=images.numpy(), labels=torch.zeros(12).long().numpy())
    test = DeviceSplit.of(split, [0.5], [0.5], torch.device("cpu"))
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 3, bias=False))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        model[1].bias.zero_()
    return SimpleNamespace(
        train_state=SimpleNamespace(model=model), splits=SimpleNamespace(test=test)
    )


def test_all_outputs_are_the_same(setting):
    assert file_sizes.n_same_outputs(setting, batch_size=5) == 12


def test_only_the_images_that_see_a_lost_weight_differ(setting, monkeypatch):
    read = sparse_file.read

    def read_with_a_loss(path):
        state = read(path)
        state["3.weight"][2, 0] += 1e-3
        return state

    monkeypatch.setattr(sparse_file, "read", read_with_a_loss)
    # The changed weight is that of the positive pixels, seven of twelve.
    assert file_sizes.n_same_outputs(setting, batch_size=5) == 5


def test_the_network_itself_is_left_as_it_was(setting):
    model = setting.train_state.model
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    file_sizes.n_same_outputs(setting)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
