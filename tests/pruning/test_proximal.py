"""Proximal steps come to rest where the penalized loss is least, with momentum too."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn

from partial_backprop.pruning.chain import chain
from partial_backprop.pruning.proximal import ProximalSteps, SquaresInstead


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("strength", [0.05, 0.6])
def test_the_descent_ends_at_the_minimum_of_loss_plus_penalty(momentum, strength):
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(40, 3)), rng.normal(size=(40, 4))
    target[:, 1] += 2 * x[:, 0]  # one unit worth keeping
    # The second layer is the last one, so that the first is penalized; it hands its units on.
    model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 4, bias=False)).double()
    with torch.no_grad():
        model[1].weight.copy_(torch.eye(4))
    optimizer = torch.optim.SGD([model[0].weight], lr=0.02, momentum=momentum)
    steps = ProximalSteps(chain(model), optimizer, strength, "filters")
    inputs, wanted = torch.from_numpy(x), torch.from_numpy(target)
    for _ in range(2000):
        optimizer.zero_grad()
        ((model(inputs) - wanted) ** 2).sum(1).mean().backward()
        optimizer.step()
        steps.after_step()

    def value(flat):
        w = flat.reshape(4, 3)
        loss = ((x @ w.T - target) ** 2).sum(1).mean()
        return loss + strength * np.sqrt(3) * np.linalg.norm(w, axis=1).sum()

    found = model[0].weight.detach().numpy()
    least = min(
        minimize(
            value, start.ravel(), method="Powell", options={"maxiter": 20_000, "xtol": 1e-10}
        ).fun
        for start in (found, np.zeros((4, 3)), rng.normal(size=(4, 3)))
    )
    assert value(found.ravel()) <= least + 1e-9
    if strength == 0.6:
        assert [bool(row.any()) for row in found] == [False, True, False, False]


def test_the_threshold_follows_the_learning_rate():
    model = nn.Sequential(nn.Linear(4, 1, bias=False), nn.Linear(1, 1)).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.5)
    steps = ProximalSteps(chain(model), optimizer, 0.05, "filters")
    with torch.no_grad():
        model[0].weight.fill_(1.0)
    for rate, length in ((1.0, 2 - 0.2), (0.1, 2 - 0.22)):  # each by 0.05 · η / (1 − 0.5) · √4
        optimizer.param_groups[0]["lr"] = rate
        steps.after_step()
        assert float(model[0].weight.detach().norm()) == pytest.approx(length)


def test_weights_in_any_memory_format_are_altered_in_place():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3)).to(
        memory_format=torch.channels_last
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    ProximalSteps(chain(model), optimizer, 100.0, "filters").after_step()
    assert not model[0].weight.any()
    assert model[1].weight.all()


def test_a_sum_of_squares_is_weight_decay():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    penalty = sum(3.0 * group.square().sum() for group in model[0].weight)  # λ Σ ‖w_g‖²
    penalty.backward()
    expected = model[0].weight.grad.clone()
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    SquaresInstead(chain(model), 3.0).after_backward()
    torch.testing.assert_close(model[0].weight.grad, expected)
    assert not model[0].bias.grad.any()
    assert not model[1].weight.grad.any()


def test_other_optimizers_and_strengths_are_told():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    adam = torch.optim.Adam(model.parameters())
    with pytest.raises(ValueError, match="need the optimizer sgd"):
        ProximalSteps(chain(model), adam, 0.1, "filters")
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    for make in (
        lambda: ProximalSteps(chain(model), sgd, -1.0, "filters"),
        lambda: SquaresInstead(chain(model), -1.0),
    ):
        with pytest.raises(ValueError, match="strength"):
            make()
