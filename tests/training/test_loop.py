"""The loop against a plain loop, its hooks, and what stops it."""

import time

import numpy as np
import pytest
import torch
from torch import nn

from partial_backprop.data.dataset import Examples
from partial_backprop.errors import UserError
from partial_backprop.run_config import TrainingConfig
from partial_backprop.training import optimizers
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.loop import DeviceSplits, Hooks, TrainState, evaluate, fit
from partial_backprop.training.seeding import derive, shuffled

CONFIG = TrainingConfig(epochs=4, batch_size=8, shared_epochs=0, milestones=(2,))


def splits():
    rng = np.random.default_rng(0)

    def part(n):
        images = rng.integers(0, 256, (n, 1, 4, 4), dtype=np.uint8)
        labels = (images.mean((1, 2, 3)) > 127).astype(np.int64)
        return DeviceSplit.of(Examples(images, labels), (0.5,), (0.3,), torch.device("cpu"))

    return DeviceSplits(part(30), part(10), part(12))


def train_state():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Dropout(0.5), nn.Linear(8, 2))
    return TrainState(model, optimizers.build(model.parameters(), CONFIG.optimizer))


def weights(one):
    return torch.cat([parameter.detach().flatten() for parameter in one.model.parameters()])


def test_seconds_beside_the_epochs_are_added(monkeypatch):
    one = train_state()
    times = iter([10.0, 12.5, 20.0, 21.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    for _ in range(2):
        with one.timed():
            pass
    assert one.elapsed_s == 3.5


def test_the_loop_does_what_a_plain_loop_does():
    data, found, expected = splits(), train_state(), train_state()
    fit(found, data, CONFIG, seed=3)
    for epoch in range(4):
        for group in expected.optimizer.param_groups:
            group["lr"] = 1e-3 if epoch < 2 else 1e-4
        torch.manual_seed(derive(3, "epoch", epoch))
        expected.model.train()
        order = shuffled(30, 3, epoch)
        for indices in order.split(8):
            pixels = data.train.images[indices].float() / 255
            loss = nn.functional.cross_entropy(
                expected.model((pixels - 0.5) / 0.3), data.train.labels[indices]
            )
            expected.optimizer.zero_grad()
            loss.backward()
            expected.optimizer.step()
    torch.testing.assert_close(weights(found), weights(expected), rtol=1e-4, atol=1e-6)
    assert [row["learning_rate"] for row in found.rows] == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4])


def test_stopping_between_epochs_changes_no_bit():
    at_once, in_parts, data = train_state(), train_state(), splits()
    fit(at_once, data, CONFIG, seed=1)
    fit(in_parts, data, CONFIG.model_copy(update={"epochs": 2}), seed=1)
    resumed = train_state()
    resumed.model.load_state_dict(in_parts.model.state_dict())
    resumed.optimizer.load_state_dict(in_parts.optimizer.state_dict())
    resumed.rows = list(in_parts.rows)
    torch.rand(7)  # whatever else used torch's generator
    fit(resumed, data, CONFIG, seed=1)
    assert torch.equal(weights(at_once), weights(resumed))
    assert at_once.rows == resumed.rows


def test_hooks_are_called_in_order_every_step():
    calls = []
    one = train_state()

    def after_backward():
        assert all(parameter.grad is not None for parameter in one.model.parameters())
        calls.append(("backward", weights(one)))

    hooks = Hooks(
        begin_epoch=lambda epoch: calls.append(("begin", epoch)),
        after_backward=after_backward,
        after_step=lambda: calls.append(("step", weights(one))),
    )
    fit(one, splits(), CONFIG.model_copy(update={"epochs": 1}), seed=0, hooks=hooks)
    assert [name for name, _ in calls] == ["begin"] + ["backward", "step"] * 4
    assert all(
        not torch.equal(before, after)
        for (_, before), (_, after) in zip(calls[1::2], calls[2::2], strict=True)
    )


def test_a_loss_that_is_no_number_stops_the_run_with_its_step():
    one = train_state()
    steps = []

    def poison():
        steps.append(None)
        if len(steps) == 6:
            one.model[1].weight.data[:] = float("nan")

    with pytest.raises(UserError, match="batch"):
        fit(one, splits(), CONFIG, seed=0, hooks=Hooks(after_step=poison))
    assert len(one.rows) == 1  # the epoch that was finished


def test_evaluation_counts_and_leaves_the_mode():
    one, data = train_state(), splits()
    score = evaluate(one.model, data.test, batch_size=5)
    images, labels = data.test.batch(slice(0, 12))
    one.model.eval()
    logits = one.model(images)
    assert score.n_correct == int((logits.argmax(1) == labels).sum())
    assert score.n_examples == 12
    assert score.loss == pytest.approx(nn.functional.cross_entropy(logits, labels).item(), rel=1e-5)
    one.model.train()
    evaluate(one.model, data.test)
    assert one.model.training
