"""Counts against counts by hand."""

import pytest
import torch
from torch import nn

from partial_backprop.freezing import counts


def test_natural_zeros_of_either_sign():
    gradients = {"w": torch.tensor([[0.0, -0.0], [1e-45, 1.0]]), "b": torch.ones(2)}
    assert counts.zero_gradients(gradients) == {"w": 2, "b": 0}


def test_unmoved_means_the_same_bits():
    now = torch.tensor([1.0, 2.0, 3.0])
    assert counts.unchanged(now, torch.tensor([1.0, 2.0000002, 3.0])) == 2
    assert counts.unchanged(torch.tensor([0.0]), torch.tensor([-0.0])) == 0
    assert counts.unchanged(torch.tensor([float("nan")]), torch.tensor([float("nan")])) == 1


def test_drift_looks_at_frozen_entries_only():
    now, then = torch.tensor([1.0, 5.0, float("nan"), -2.0]), torch.tensor([1.5, 5.0, 0.0, -1.0])
    active = torch.tensor([False, False, True, False])
    assert counts.drift(now, then, active) == (1.5, 1.0)
    assert counts.drift(now, then, torch.ones(4, dtype=torch.bool)) == (0.0, 0.0)
    empty = torch.zeros(0)
    assert counts.drift(empty, empty, empty.bool()) == (0.0, 0.0)


def test_full_backpropagation_is_counted_alike():
    model = nn.Linear(2, 2)
    anchor = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    gradients = {"weight": torch.tensor([[0.0, 1.0], [0.0, 0.0]])}  # the bias has none
    with torch.no_grad():
        model.weight[0, 1] += 1
    report = counts.report_unmasked(model, anchor, gradients)
    assert report.threshold is None
    assert report.masked_at_epochs == ()
    (layer,) = report.layers
    assert layer.model_dump() == {
        "name": "weight",
        "n_weights": 4,
        "n_mask_zeros": 0,
        "n_natural_zeros": 3,
        "n_unmoved": 3,
        "drift_sum_abs": 0.0,
        "drift_max_abs": 0.0,
    }
    with pytest.raises(ValueError, match="belong"):
        counts.report_unmasked(model, anchor, {"other": torch.ones(1)})
