"""The plain loop and ours compute the same numbers, so that only their speed is compared."""

import copy

import numpy as np
import pytest
import torch
from benchmarks.our_loop import MEAN, STD, pictures
from benchmarks.plain_loop import Pictures, PlainLoop
from torch import nn

from benchmarks import our_loop
from partial_backprop.training.loop import TrainState
from partial_backprop.training.seeding import shuffled

BATCH = 8
RATE = our_loop.LEARNING_RATE


def network(channels: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, our_loop.N_CLASSES)
    )


def dataset(data: our_loop.Images) -> Pictures:
    n = data.images.shape[1]
    return Pictures(data.images, data.labels, [MEAN] * n, [STD] * n)


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_those_of_our_batches(channels):
    data = pictures((channels, 8, 8), 5)
    plain = torch.stack([image for image, _ in dataset(data)])
    split = our_loop.DeviceSplit.of(data, [MEAN] * channels, [STD] * channels, torch.device("cpu"))
    ours, labels = split.batch(slice(None))
    torch.testing.assert_close(ours.contiguous(), plain, rtol=1e-6, atol=1e-6)
    assert [label for _, label in dataset(data)] == labels.tolist()


@pytest.mark.parametrize("channels", [1, 3])
def test_both_loops_train_to_the_same_weights(channels):
    data = pictures((channels, 8, 8), 20)
    ours, plain = network(channels), network(channels)
    before = copy.deepcopy(ours.state_dict())
    order = shuffled(20, 0, 0).tolist()
    our_loop.our_loop(ours, data, BATCH, mode="gradient")()
    done = PlainLoop(plain, dataset(data), batch_size=BATCH, learning_rate=RATE, order=order)
    progress = done.epoch()
    for (name, mine), theirs in zip(
        ours.state_dict().items(), plain.state_dict().values(), strict=True
    ):
        # Pixels are normalised in another order of operations, and AMSGrad divides small gradients by
        # their own size: a rounding of the gradient moves a weight by part of the learning rate.
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0.02 * RATE)
        assert (mine != before[name]).any()
    assert 0 < progress.percent_frozen < 100


def test_the_plain_loop_counts_what_it_masks():
    data = pictures((1, 8, 8), 20)
    model = network(1)
    plain = PlainLoop(model, dataset(data), batch_size=BATCH, learning_rate=RATE)
    progress = plain.epoch()
    zeros = sum(int((p.grad == 0).sum()) for p in model.parameters())
    n_all = sum(p.numel() for p in model.parameters())
    assert progress.percent_frozen == pytest.approx(100 * zeros / n_all)
    assert np.isfinite(progress.loss)
    full = PlainLoop(network(1), dataset(data), batch_size=BATCH, threshold=None, count_every=0)
    assert np.isnan(full.epoch().percent_frozen)


def test_without_masks_the_plain_loop_is_plain_training():
    data = pictures((1, 8, 8), 16)
    model, again = network(1), network(1)
    PlainLoop(model, dataset(data), batch_size=BATCH, threshold=None, order=range(16)).epoch()
    train_state = TrainState(again, torch.optim.Adam(again.parameters(), lr=1e-3, amsgrad=True))
    for start in (0, 8):
        pairs = [dataset(data)[i] for i in range(start, start + 8)]
        images = torch.stack([image for image, _ in pairs])
        labels = torch.tensor([label for _, label in pairs])
        train_state.optimizer.zero_grad()
        nn.functional.cross_entropy(again(images), labels).backward()
        train_state.optimizer.step()
    for mine, theirs in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(mine, theirs)
