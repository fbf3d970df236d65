"""Masks by rank, against sorting; zeros that hold between prunings and may recover at one."""

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from partial_backprop.pruning.polynomial import PolynomialSchedule
from partial_backprop.pruning.stepwise import StepwisePruner, largest

values = st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=60)


@given(values, st.floats(0, 0.999))
def test_the_kept_ones_are_the_first_of_the_sorted(numbers, share):
    """An independent ranking, by Python's own sort."""
    n_kept = max(1, round(len(numbers) * (1 - share)))
    smallest_kept = sorted(map(abs, numbers), reverse=True)[n_kept - 1]
    expected = [abs(number) >= smallest_kept for number in numbers]
    kept = largest(torch.tensor(numbers), share)
    assert kept.tolist() == expected
    assert int(kept.sum()) >= n_kept


@given(st.integers(1, 300), st.floats(0, 0.999), st.integers(0, 1000))
def test_distinct_values_are_pruned_to_the_weight(n, share, seed):
    weight = torch.randperm(n, generator=torch.Generator().manual_seed(seed)) + 1.0
    kept = largest(weight, share)
    assert int(kept.sum()) == max(1, round(n * (1 - share)))
    assert weight[kept].min() > (weight[~kept].max() if (~kept).any() else 0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(dtype):
    assert largest(torch.tensor([3, -1, 2, -4], dtype=dtype), 0.5).tolist() == [1, 0, 0, 1]


def test_ties_at_the_threshold_are_kept():
    assert largest(torch.tensor([1.0, -1.0, 1.0, 0.5]), 0.75).tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("weight", "share", "message"),
    [
        ([1.0, float("nan")], 0.5, "NaN or infinite"),
        ([1.0, float("inf")], 0.5, "NaN or infinite"),
        ([], 0.5, "no weights"),
        ([1.0], 1.0, "share must be"),
        ([1.0], -0.5, "share must be"),
    ],
)
def test_what_cannot_be_ranked(weight, share, message):
    with pytest.raises(ValueError, match=message):
        largest(torch.tensor(weight), share)


def make(seed=0):
    draw = torch.Generator().manual_seed(seed)
    return {
        "a": nn.Parameter(torch.randn(6, 3, 3, 3, generator=draw)),
        "b": nn.Parameter(torch.randn(10, 7, generator=draw)),
    }


def train(weights, pruner, optimizer, steps, draw):
    """As the loop does: epochs of five steps."""
    for step in steps:
        if step % 5 == 0:
            pruner.begin_epoch(step // 5)
        for weight in weights.values():
            weight.grad = torch.randn(weight.shape, generator=draw)
        optimizer.step()
        pruner.after_step()


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(0, 12), st.integers(1, 12), st.integers(1, 7))
def test_zeros_follow_the_schedule_step_by_step(seed, begin, length, frequency):
    weights = make(seed)
    schedule = PolynomialSchedule(begin + length, begin, frequency=frequency)
    pruner = StepwisePruner(weights, schedule)
    optimizer = torch.optim.Adam(weights.values(), lr=0.01)
    draw = torch.Generator().manual_seed(seed)
    for step in range(begin + length + 5):
        train(weights, pruner, optimizer, [step], draw)
        done = step + 1
        past = [at for at in range(done + 1) if schedule.prunes_at(at)]
        share = schedule.share(past[-1]) if past else 0
        for weight in weights.values():
            expected = weight.numel() - max(1, round(weight.numel() * (1 - share)))
            assert int((weight == 0).sum()) == expected


def test_the_first_pruning_is_before_the_first_step():
    weights = make()
    pruner = StepwisePruner(weights, PolynomialSchedule(10))
    assert pruner.kept == {}
    pruner.begin_epoch(0)
    assert {name: (one == 0).float().mean() for name, one in weights.items()} == {
        "a": 0.5,
        "b": 0.5,
    }


def test_a_pruned_weight_with_a_large_update_comes_back_at_the_next_pruning_only():
    weights = {"w": nn.Parameter(torch.tensor([0.1, 2.0, 3.0, 4.0]))}
    pruner = StepwisePruner(weights, PolynomialSchedule(2, initial=0.25, final=0.25, frequency=2))
    pruner.begin_epoch(0)
    for expected in ([0, 2, 3, 4], [9, 0, 3, 4]):
        with torch.no_grad():
            weights["w"][0] = 9.0
        pruner.after_step()
        assert weights["w"].tolist() == expected


def test_a_later_epoch_prunes_nothing_by_itself():
    weights = make()
    pruner = StepwisePruner(weights, PolynomialSchedule(10, frequency=5))
    pruner.begin_epoch(1)
    assert not any((weight == 0).any() for weight in weights.values())


@pytest.mark.parametrize("stop", [5, 10, 15])
def test_a_resumed_pruner_goes_on_exactly(stop):
    def go(weights, steps, state=None):
        schedule = PolynomialSchedule(13, begin_step=2, frequency=4)
        pruner = StepwisePruner(weights, schedule)
        optimizer = torch.optim.SGD(weights.values(), lr=0.1)
        draw = torch.Generator()
        draw.manual_seed(7) if state is None else draw.set_state(state[1])
        if state is not None:
            state[0].seek(0)
            pruner.load_state_dict(torch.load(state[0], weights_only=True))
        train(weights, pruner, optimizer, steps, draw)
        buffer = io.BytesIO()
        torch.save(pruner.state_dict(), buffer)
        return buffer, draw.get_state()

    straight, stopped = make(), make()
    go(straight, range(20))
    state = go(stopped, range(stop))
    go(stopped, range(stop, 20), state)
    assert all(torch.equal(straight[name], stopped[name]) for name in straight)


def test_the_state_is_a_copy_and_of_these_weights():
    pruner = StepwisePruner(make(), PolynomialSchedule(10))
    pruner.begin_epoch(0)
    state = pruner.state_dict()
    state["kept"]["a"].fill_(False)
    assert pruner.kept["a"].any()
    other = StepwisePruner({"w": nn.Parameter(torch.ones(3))}, PolynomialSchedule(10))
    with pytest.raises(ValueError, match="of other weights"):
        other.load_state_dict(state)
