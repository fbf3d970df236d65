"""AdaBound against its algorithm, in plain double arithmetic, and in its two limits."""

import copy
import math

import pytest
import torch

from partial_backprop.optim.adabound import AdaBound


def reference(value, gradients, rates, final_lr=0.1, gamma=1e-3, decay=0.0):
    """Luo et al., algorithm 2, with Adam's corrections of both biases."""
    m = v = 0.0
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        gradient = gradient + decay * value
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        final = final_lr * rate / rates[0]
        step = rate * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) / (math.sqrt(v) + 1e-8)
        step = min(max(step, final * (1 - 1 / (gamma * t + 1))), final * (1 + 1 / (gamma * t)))
        value -= step * m
    return value


@pytest.mark.parametrize(
    "options", [{}, {"gamma": 0.3}, {"final_lr": 1e-3, "gamma": 1.0}, {"weight_decay": 0.1}]
)
def test_it_is_the_algorithm(options):
    gradients = [1.0, -0.5, 0.01, 0.0, 3.0, 0.02, -0.02, 5.0]
    rates = [0.01] * 5 + [0.001] * 3
    parameter = torch.nn.Parameter(torch.full((1,), 0.7, dtype=torch.float64))
    optimizer = AdaBound([parameter], lr=0.01, **options)
    for gradient, rate in zip(gradients, rates, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        parameter.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
    options["decay"] = options.pop("weight_decay", 0.0)
    assert parameter.item() == pytest.approx(reference(0.7, gradients, rates, **options), rel=1e-9)


def descended(optimizer, parameter, n_steps=300):
    torch.manual_seed(0)
    for _ in range(n_steps):
        parameter.grad = parameter.detach() + torch.randn(5, dtype=torch.float64)
        optimizer.step()
    return parameter.detach()


def test_with_loose_bounds_it_is_adam():
    ours, adams = (torch.nn.Parameter(torch.ones(5, dtype=torch.float64)) for _ in range(2))
    # The lower bound is next to 0 and the upper one far away as long as γt is next to 0.
    found = descended(AdaBound([ours], 1e-3, gamma=1e-12), ours)
    torch.testing.assert_close(found, descended(torch.optim.Adam([adams], 1e-3), adams))


def test_with_closed_bounds_it_is_sgd_with_a_mean_of_gradients():
    ours, theirs = (torch.nn.Parameter(torch.ones(5, dtype=torch.float64)) for _ in range(2))
    found = descended(AdaBound([ours], 1e-3, final_lr=0.01, gamma=1e9), ours)
    sgd = torch.optim.SGD([theirs], 0.01, momentum=0.9, dampening=0.9)
    sgd.state[theirs]["momentum_buffer"] = torch.zeros_like(theirs)
    torch.testing.assert_close(found, descended(sgd, theirs), rtol=1e-6, atol=1e-8)


def test_a_saved_state_goes_on_as_if_nothing_had_happened():
    first, second = (torch.nn.Parameter(torch.ones(5, dtype=torch.float64)) for _ in range(2))
    straight = AdaBound([first], 0.01, gamma=0.1)
    descended(straight, first, 20)
    straight.param_groups[0]["lr"] = 0.001
    resumed = AdaBound([second], 0.5)
    resumed.load_state_dict(copy.deepcopy(straight.state_dict()))
    with torch.no_grad():
        second.copy_(first)
    assert torch.equal(descended(straight, first, 5), descended(resumed, second, 5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1.0}, "lr must be 0 or more"),
        ({"gamma": 0.0}, "gamma"),
        ({"final_lr": -0.1}, "final_lr.*greater"),
        ({"betas": (0.9, 1.0)}, "betas"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        AdaBound([torch.nn.Parameter(torch.ones(1))], **options)
