"""Gradients are zeroed where they should be, counted as they were, and a stopped run goes on."""

import pytest
import torch
from torch import nn

from partial_backprop.sparsification.sparsifier import Sparsifier

SHAPES = {"a": (4, 3), "b": (5,), "c": (2, 3, 2, 1)}
N_ALL = 12 + 5 + 12


def weights():
    return {name: nn.Parameter(torch.zeros(shape)) for name, shape in SHAPES.items()}


def backward(made, seed):
    """Give each weight a gradient; one in ten is 0."""
    generator = torch.Generator().manual_seed(seed)
    for weight in made.values():
        values = torch.randn(weight.shape, generator=generator)
        values *= torch.rand(weight.shape, generator=generator) > 0.1
        if values.dim() == 4:  # as the weights of convolutions lie in memory
            values = values.contiguous(memory_format=torch.channels_last)
        weight.grad = values
    return {name: weight.grad.clone() for name, weight in made.items()}


def flat(gradients):
    return torch.cat([gradient.flatten() for gradient in gradients.values()])


def steps(sparsifier, made, epoch, seeds):
    """Run an epoch; return gradients before and after each step."""
    sparsifier.begin_epoch(epoch)
    found = []
    for seed in seeds:
        before = backward(made, seed)
        sparsifier.after_backward()
        found.append((before, {name: weight.grad.clone() for name, weight in made.items()}))
    return found


@pytest.mark.parametrize("method", ["threshold", "random"])
def test_the_asked_number_is_zeroed_over_all_layers_and_the_rest_is_untouched(method):
    made = weights()
    n = 11
    for before, after in steps(Sparsifier(made, n, method), made, 0, range(10)):
        old, new = flat(before), flat(after)
        changed = old != new
        assert torch.equal(new[~changed], old[~changed])
        assert not new[changed].any()
        if method == "threshold":
            largest = old[new == 0].abs().max()
            assert int((new == 0).sum()) == n
            assert not (new[new != 0].abs() <= largest).any()


def test_natural_zeros_count_among_the_zeroed():
    made = weights()
    sparsifier = Sparsifier(made, 2, "threshold")
    sparsifier.begin_epoch(0)
    for weight in made.values():
        weight.grad = torch.zeros_like(weight)
    sparsifier.after_backward()
    tallies = sparsifier.tallies()
    assert sum(one.n_zeroed for one in tallies.values()) == N_ALL  # all of them lie in [0, 0]
    assert sum(one.n_natural_zeros for one in tallies.values()) == N_ALL
    assert sparsifier.thresholds() == (0.0,)


@pytest.mark.parametrize("method", ["full", "threshold", "random"])
def test_tallies_are_sums_over_steps(method):
    made = weights()
    sparsifier = Sparsifier(made, 9, method)
    found = steps(sparsifier, made, 0, range(3)) + steps(sparsifier, made, 1, range(3, 5))
    assert sparsifier.n_steps == 5
    for name, one in sparsifier.tallies().items():
        pairs = [(before[name].double(), after[name]) for before, after in found]
        assert one.n_natural_zeros == sum(int((old == 0).sum()) for old, _ in pairs)
        squares = sum(float(old.square().sum()) for old, _ in pairs)
        assert one.squares == pytest.approx(squares)
        gone = sum(float(old[new == 0].square().sum()) for old, new in pairs)
        assert one.squares_zeroed == pytest.approx(gone, abs=1e-12)
    total = sum(one.n_zeroed for one in sparsifier.tallies().values())
    assert total == (0 if method == "full" else 5 * 9)


def test_thresholds_are_means_of_an_epoch():
    made = weights()
    sparsifier = Sparsifier(made, 9, "threshold")
    found = [steps(sparsifier, made, epoch, seeds) for epoch, seeds in enumerate([(0, 1), (2,)])]
    limits = [
        [float(flat(before).abs().sort().values[8]) for before, _ in of_epoch] for of_epoch in found
    ]
    assert sparsifier.thresholds() == pytest.approx([sum(one) / len(one) for one in limits])
    assert Sparsifier(made, 9, "random").thresholds() == ()


def test_full_changes_nothing():
    made = weights()
    for before, after in steps(Sparsifier(made, 9, "full"), made, 0, range(3)):
        assert all(torch.equal(before[name], after[name]) for name in SHAPES)


def test_draws_of_an_epoch_do_not_depend_on_those_before():
    one, other = weights(), weights()
    long, short = Sparsifier(one, 9, "random"), Sparsifier(other, 9, "random")
    steps(long, one, 0, range(4))
    last = [steps(long, one, 1, (7, 8)), steps(short, other, 1, (7, 8))]
    for (_, left), (_, right) in zip(*last, strict=True):
        assert all(torch.equal(left[name], right[name]) for name in SHAPES)


def test_a_stopped_run_goes_on(tmp_path):
    one, other = weights(), weights()
    first, second = Sparsifier(one, 9, "threshold"), Sparsifier(other, 9, "threshold")
    steps(first, one, 0, range(2))
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    steps(first, one, 1, (5,))
    steps(second, other, 1, (5,))
    assert first.tallies() == second.tallies()
    assert first.thresholds() == second.thresholds()
    assert first.n_steps == second.n_steps == 3
    with pytest.raises(ValueError, match="of other weights"):
        Sparsifier({"a": nn.Parameter(torch.zeros(3))}, 1, "full").load_state_dict(
            first.state_dict()
        )


@pytest.mark.parametrize(
    ("n", "method", "said"), [(0, "full", "n must be"), (30, "full", "29"), (3, "half", "choose")]
)
def test_what_makes_no_sense_is_told(n, method, said):
    with pytest.raises(ValueError, match=said):
        Sparsifier(weights(), n, method)
