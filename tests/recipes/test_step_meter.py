"""What a step costs is counted from real tensors."""

import copy

import pytest
import torch
from torch import nn

from partial_backprop.optim.dessilbi import DessiLBI
from partial_backprop.recipes import step_meter
from partial_backprop.training.loop import TrainState

FLOAT = 4
BATCH, PIXELS, HIDDEN, CLASSES = 6, 10, 7, 3


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES)
    )


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(BATCH, 1, 2, 5, generator=generator)
    return images, torch.randint(0, CLASSES, (BATCH,), generator=generator)


N_WEIGHTS = PIXELS * HIDDEN + HIDDEN + HIDDEN * CLASSES + CLASSES
N_MATRICES = PIXELS * HIDDEN + HIDDEN * CLASSES


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda p: torch.optim.SGD(p, 0.1), 0),
        (lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), N_WEIGHTS),
        (lambda p: torch.optim.Adam(p), 2 * N_WEIGHTS + 4),  # and a step count a tensor
        # V, Γ and, of four bytes too, the step of entry, of each weight of a matrix; steps of two matrices.
        (lambda p: DessiLBI(p), 3 * N_MATRICES + 2),
        (lambda p: DessiLBI(p, momentum=0.9), 3 * N_MATRICES + N_WEIGHTS + 2),
        (lambda p: DessiLBI(p, linear_groups="rows"), 2 * N_MATRICES + HIDDEN + CLASSES + 2),
    ],
)
def test_bytes_of_the_state(batch, build, expected):
    model = network()
    train_state = TrainState(model, build(model.parameters()))
    step_meter.step(train_state, *batch)
    once = step_meter.state_bytes(train_state.optimizer)
    assert sum(once.values()) == FLOAT * expected
    step_meter.step(train_state, *batch)
    assert step_meter.state_bytes(train_state.optimizer) == once


def test_bytes_of_the_activations(batch):
    """Images, hidden units after the ReLU, log-probabilities, labels: what four derivatives need."""
    images, labels = batch
    expected = FLOAT * BATCH * (PIXELS + HIDDEN + CLASSES) + 8 * BATCH
    found = step_meter.activation_bytes(network(), images, labels)
    # The loss keeps the sum of its weights too, a single number, in some versions of torch.
    assert expected <= found <= expected + 8


def test_memory_that_is_kept_twice_is_counted_once(batch):
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = network()

        def forward(self, images):
            # The derivatives of both factors need the images, by way of two views of one memory.
            images = images * images.view_as(images)
            return self.inside(images)

    images, labels = batch
    images = images.clone().requires_grad_()
    once = step_meter.activation_bytes(network(), images, labels)
    both = step_meter.activation_bytes(Twice(), images, labels)
    assert both - once == FLOAT * images.numel()


def test_activations_grow_with_the_batch_and_weights_are_left_out(batch):
    images, labels = batch
    counts = [step_meter.activation_bytes(network(), images[:n], labels[:n]) for n in (2, 4, 6)]
    assert counts[2] - counts[1] == counts[1] - counts[0] > 0
    assert counts[0] < FLOAT * N_WEIGHTS


def test_a_step_is_a_step(batch):
    images, labels = batch
    model, other = network(), network()
    optimizer = torch.optim.SGD(other.parameters(), 0.1)
    nn.functional.cross_entropy(other(images), labels).backward()
    optimizer.step()
    found = step_meter.step(
        TrainState(model, torch.optim.SGD(model.parameters(), 0.1)), images, labels
    )
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
    assert found["step_s"] >= found["update_s"] > 0
    assert found["extra_bytes"] is None


def test_turns_change_from_round_to_round(batch):
    model = network()
    train_states = {}
    for name in "abc":
        own = copy.deepcopy(model)
        train_states[name] = TrainState(own, torch.optim.SGD(own.parameters(), 0.0))
    rows = step_meter.interleave(train_states, *batch, rounds=4, warm_up=1)
    assert "".join(row["optimizer"] for row in rows) == "abcbcacababc"
    assert [row["round"] for row in rows] == sorted([0, 1, 2, 3] * 3)
