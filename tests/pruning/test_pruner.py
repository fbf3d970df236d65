"""Zeros recover in the ramp and never after it, whatever the optimizer."""

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from partial_backprop.pruning.magnitude import globally, layerwise
from partial_backprop.pruning.pruner import Pruner

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "lab": lambda p: torch.optim.SGD(p, lr=0.002, momentum=0.875, weight_decay=1e-4),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "ascent": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, maximize=True),
    "amsgrad": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.5),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "rprop": lambda p: torch.optim.Rprop(p, lr=0.01),
}


def make_weights(seed=0):
    draw = torch.Generator().manual_seed(seed)
    return {
        "a": nn.Parameter(torch.randn(4, 3, 3, 3, generator=draw)),
        "b": nn.Parameter(3 * torch.randn(10, 7, generator=draw)),
    }


def n_zeros(weights):
    return sum(int((weight == 0).sum()) for weight in weights.values())


def step(weights, optimizer, draw):
    for weight in weights.values():
        weight.grad = torch.randn(weight.shape, generator=draw)
    optimizer.step()


@settings(max_examples=5)
@given(seed=st.integers(0, 1000), share=st.floats(0.05, 0.95))
@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_after_the_last_pruning_a_zero_stays_zero(name, scope, seed, share):
    draw = torch.Generator().manual_seed(seed)
    weights = make_weights(seed)
    optimizer = OPTIMIZERS[name](weights.values())
    step(weights, optimizer, draw)  # momentum that would move the pruned weights
    pruner = Pruner(weights, share, scope=scope)
    pruner.prune()
    zeros = {key: weight == 0 for key, weight in weights.items()}
    assert all(torch.equal(zeros[key], held) for key, held in pruner.held.items())
    others = {key: weight[~zeros[key]].clone() for key, weight in weights.items()}
    for _ in range(4):
        step(weights, optimizer, draw)
        pruner.after_step()
        assert all(not weight[zeros[key]].any() for key, weight in weights.items())
    assert all((weight[~zeros[key]] != others[key]).all() for key, weight in weights.items())


def test_even_a_nan_in_a_held_zero_is_undone():
    weights = {"w": nn.Parameter(torch.tensor([0.1, 2.0]))}
    pruner = Pruner(weights, 0.5)
    pruner.prune()
    with torch.no_grad():
        weights["w"][0] = torch.nan
    pruner.after_step()
    assert weights["w"].tolist() == [0, 2]


@pytest.mark.parametrize(("scope", "prune"), [("layer", layerwise), ("global", globally)])
def test_at_once_it_prunes_before_the_first_epoch_and_holds(scope, prune):
    weights, before = make_weights(), make_weights()
    pruner = Pruner(weights, 0.8, scope=scope)
    assert pruner.held is None
    pruner.begin_epoch(0)
    for name, keep in prune(before, 0.8).items():
        assert torch.equal(weights[name], before[name] * keep)
        assert torch.equal(pruner.held[name], ~keep)
    held = {name: zeros.clone() for name, zeros in pruner.held.items()}
    with torch.no_grad():
        for weight in weights.values():
            weight.copy_(torch.randn_like(weight))
    pruner.begin_epoch(1)
    assert all(torch.equal(zeros, held[name]) for name, zeros in pruner.held.items())


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_the_sources_ramp(scope):
    """sparse_homework, line 228: prune (8 × e)% before epoch e of 1 to 10, recover until the last."""
    prune = {"layer": layerwise, "global": globally}[scope]
    draw = torch.Generator().manual_seed(1)
    weights = make_weights()
    optimizer = OPTIMIZERS["lab"](weights.values())
    pruner = Pruner(weights, 0.8, scope=scope, ramp_epochs=10)
    for epoch in range(13):
        keep = prune(weights, round(0.08 * (epoch + 1), 2)) if epoch < 10 else None
        pruner.begin_epoch(epoch)
        if keep is not None:
            assert all(torch.equal(weights[name] != 0, keep[name]) for name in weights)
        before = n_zeros(weights)
        step(weights, optimizer, draw)
        pruner.after_step()
        if epoch < 9:
            assert pruner.held is None
            assert before > 0 == n_zeros(weights)  # every zero has recovered
        else:
            assert n_zeros(weights) == before == sum(int(z.sum()) for z in pruner.held.values())


def test_a_ramp_of_one_epoch_is_pruning_at_once():
    ramp, once = make_weights(), make_weights()
    Pruner(ramp, 0.6, ramp_epochs=1).begin_epoch(0)
    Pruner(once, 0.6).begin_epoch(0)
    assert all(torch.equal(ramp[name], once[name]) for name in ramp)


def test_an_epoch_past_the_ramp_still_prunes():
    weights = make_weights()
    pruner = Pruner(weights, 0.6, ramp_epochs=3)
    pruner.begin_epoch(7)
    expected = layerwise(make_weights(), 0.6)
    assert all(torch.equal(weights[name] != 0, keep) for name, keep in expected.items())
    assert pruner.held is not None


def test_holding_zeros_prunes_nothing():
    weights = make_weights()
    with torch.no_grad():
        weights["a"][0] = 0
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    pruner = Pruner.holding_zeros(weights)
    pruner.begin_epoch(0)
    assert all(torch.equal(weights[name], before[name]) for name in weights)
    with torch.no_grad():
        for weight in weights.values():
            weight += 1
    pruner.after_step()
    assert all(
        torch.equal(weights[name], torch.where(before[name] == 0, 0, before[name] + 1))
        for name in weights
    )
    assert n_zeros({"b": weights["b"]}) == 0


@pytest.mark.parametrize("stop", range(6))
def test_resuming_is_exact(stop):
    """Six epochs in one go, and with a break before any of them."""

    def epochs(weights, pruner, which):
        optimizer = torch.optim.SGD(weights.values(), lr=0.1)
        for epoch in which:
            pruner.begin_epoch(epoch)
            step(weights, optimizer, torch.Generator().manual_seed(epoch))
            pruner.after_step()

    straight = make_weights()
    epochs(straight, Pruner(straight, 0.7, ramp_epochs=3), range(6))
    first = make_weights()
    pruner = Pruner(first, 0.7, ramp_epochs=3)
    epochs(first, pruner, range(stop))
    buffer = io.BytesIO()
    torch.save([{name: w.data for name, w in first.items()}, pruner.state_dict()], buffer)
    buffer.seek(0)
    values, state = torch.load(buffer, weights_only=True)
    second = {name: nn.Parameter(value) for name, value in values.items()}
    resumed = Pruner(second, 0.7, ramp_epochs=3)
    resumed.load_state_dict(state)
    epochs(second, resumed, range(stop, 6))
    assert all(torch.equal(straight[name], second[name]) for name in straight)


def test_a_state_is_a_copy_and_knows_its_weights():
    pruner = Pruner(make_weights(), 0.5)
    pruner.prune()
    state = pruner.state_dict()
    state["held"]["a"].fill_(True)
    assert not pruner.held["a"].all()
    with pytest.raises(ValueError, match=r"pruner's.*state"):
        Pruner({"a": nn.Parameter(torch.ones(2))}, 0.5).load_state_dict(state)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 1.5}, "share"),
        ({"share": 0.5, "scope": "block"}, "'block'.*global"),
        ({"share": 0.5, "ramp_epochs": -1}, "ramp_epochs"),
    ],
)
def test_options_out_of_range_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        Pruner(make_weights(), **options)
