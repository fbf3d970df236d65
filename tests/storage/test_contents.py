"""What a checkpoint holds beside the weights."""

import pytest
import torch
from torch import nn

from partial_backprop.storage.contents import float_masks, n_values, optimizer_state


@pytest.fixture
def trained():
    """Network, optimizer that has taken two steps, and masks of one of two layers."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 2))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(9, 6)).square().sum().backward()
        optimizer.step()
    return model, optimizer, {"0": torch.rand(5, 6) > 0.5}


def test_adam_remembers_two_moments_of_every_value(trained):
    model, optimizer, _ = trained
    state = optimizer_state(model, optimizer)
    assert list(state) == [name for name, _ in model.named_parameters()]
    for name, parameter in model.named_parameters():
        assert set(state[name]) == {"step", "exp_avg", "exp_avg_sq"}
        assert state[name]["exp_avg"].shape == parameter.shape
    # Two moments a parameter, and a step count a tensor.
    assert n_values(state) == 2 * (30 + 5 + 10 + 2) + 4


def test_what_is_remembered_of_pruned_weights_is_zero_in_a_copy(trained):
    model, optimizer, kept = trained
    whole, masked = (optimizer_state(model, optimizer, masks) for masks in (None, kept))
    for key in ("exp_avg", "exp_avg_sq"):
        assert not masked["0.weight"][key][~kept["0"]].any()
        assert torch.equal(masked["0.weight"][key][kept["0"]], whole["0.weight"][key][kept["0"]])
        assert whole["0.weight"][key].all()
        for other in ("0.bias", "1.weight"):
            assert torch.equal(masked[other][key], whole[other][key])
    assert masked["0.weight"]["step"] == whole["0.weight"]["step"] == 2


def test_an_optimizer_that_remembers_nothing(trained):
    model, _, kept = trained
    state = optimizer_state(model, torch.optim.SGD(model.parameters(), lr=0.1), kept)
    assert n_values(state) == 0


def test_masks_are_numbers_of_single_precision(trained):
    *_, kept = trained
    (mask,) = float_masks(kept).values()
    assert mask.dtype == torch.float32
    assert torch.equal(mask == 1, kept["0"])
    assert set(mask.unique().tolist()) == {0, 1}


def test_counts_of_nested_tensors():
    assert n_values({"a": torch.ones(2, 3), "b": {"c": torch.ones(4), "d": "text"}, "e": 7}) == 10
