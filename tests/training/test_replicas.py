"""Several trainings at once, against each of them alone, bit for bit."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from fake_graphs import capture_of
from partial_backprop import registry
from partial_backprop.data.dataset import Examples
from partial_backprop.errors import UserError
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.run_config import TrainingConfig
from partial_backprop.training import optimizers, replicas
from partial_backprop.training.augment import crop_and_flip
from partial_backprop.training.backward import gradients
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.graphs import Replayed
from partial_backprop.training.loop import DeviceSplits, Hooks, Trainee, fit
from partial_backprop.training.replicas import Replica, computing, fit_together
from partial_backprop.training.seeding import derive

CONFIG = TrainingConfig(epochs=3, batch_size=10, shared_epochs=0, milestones=(2,))
SHAPE = (1, 12, 12)
SEEDS = (0, 1, 2)


def splits(seed):
    rng = np.random.default_rng(seed)

    def part(n):
        images = rng.integers(0, 256, (n, *SHAPE), dtype=np.uint8)
        labels = (images[:, 0, 3] > 127).sum(1) % 3
        return DeviceSplit.of(Examples(images, labels), (0.5,), (0.3,), torch.device("cpu"))

    return DeviceSplits(part(44), part(10), part(12))


def lenet5():
    return registry.load("networks", "lenet5")(SHAPE, 3, width=0.25)


def with_dropout():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(144, 16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 3)
    )


def replica(build, seed, *, mode=None, augment=False, config=CONFIG):
    torch.manual_seed(derive(seed, "initial weights"))
    model = build()
    trainee = Trainee(model, optimizers.build(model.parameters(), config.optimizer))
    data = splits(seed)
    hooks = {}
    if augment:
        hooks["augment"] = partial(crop_and_flip, padding=2, fill=data.train.shift)
    if mode is not None:
        criterion = {"name": "quantile", "q": 0.7}
        pb = PartialBackprop(model, trainee.optimizer, criterion, start_epoch=1, mode=mode)
        hooks |= {"begin_epoch": pb.begin_epoch, "after_backward": pb.after_backward}
    return Replica(trainee, data, config, seed, Hooks(**hooks))


def assert_as_alone(together, alone):
    for one in alone:
        fit(one.trainee, one.splits, one.config, one.seed, hooks=one.hooks)
    found = []
    for mine, theirs in zip(together, alone, strict=True):
        states = [one.trainee.model.state_dict() for one in (mine, theirs)]
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[1])
        moments = [one.trainee.optimizer.state_dict()["state"] for one in (mine, theirs)]
        for one, other in zip(moments[0].values(), moments[1].values(), strict=True):
            assert all(torch.equal(one[key], other[key]) for key in other)
        assert mine.trainee.rows == theirs.trainee.rows
        assert len(mine.trainee.rows) == mine.config.epochs
        found.append(tuple(row["train_loss"] for row in mine.trainee.rows))
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("augment", [False, True], ids=["as_they_are", "augmented"])
@pytest.mark.parametrize("mode", [None, "strict", "gradient"])
@pytest.mark.parametrize("build", [lenet5, with_dropout])
def test_three_seeds_at_once_are_three_seeds(build, mode, augment):
    together, alone = (
        [replica(build, seed, mode=mode, augment=augment) for seed in SEEDS] for _ in range(2)
    )
    fit_together(together)
    assert_as_alone(together, alone)


@pytest.mark.parametrize("build", [lenet5, with_dropout])
def test_replayed_on_lanes_of_their_own(build, monkeypatch):
    together, alone = (
        [replica(build, seed, mode="strict", augment=True) for seed in SEEDS] for _ in range(2)
    )
    made = []

    def computing(device, *, graphs):
        assert graphs
        made.append(Replayed(capture_of(together[len(made)].trainee.model)))
        return made[-1]

    monkeypatch.setattr(replicas, "computing", computing)
    fit_together(together)
    assert_as_alone(together, alone)
    assert all(one.n_replayed > 0 for one in made) == (build is lenet5)


def test_arms_of_other_lengths_precisions_and_batches():
    changes = ({}, {"epochs": 1}, {"precision": "bf16"}, {"batch_size": 44, "epochs": 2})
    configs = [CONFIG.model_copy(update=change) for change in changes]
    modes = (None, None, "strict", "gradient")
    together, alone = (
        [
            replica(lenet5, 0, mode=mode, config=config)
            for mode, config in zip(modes, configs, strict=True)
        ]
        for _ in range(2)
    )
    fit_together(together)
    assert_as_alone(together, alone)


def test_each_goes_on_from_where_it_stands():
    together, alone = ([replica(with_dropout, seed) for seed in SEEDS] for _ in range(2))
    short = CONFIG.model_copy(update={"epochs": 1})
    fit(together[1].trainee, together[1].splits, short, SEEDS[1])
    torch.rand(7)  # whatever else used torch's generator
    fit_together(together)
    assert_as_alone(together, alone)


def test_everyone_is_told_of_their_own_epochs():
    told = {seed: [] for seed in SEEDS}
    together = []
    for seed in SEEDS:
        one = replica(with_dropout, seed)
        hear = told[seed].append
        together.append(
            Replica(
                one.trainee, one.splits, CONFIG, seed, on_epoch=lambda row, _, hear=hear: hear(row)
            )
        )
    fit_together(together)
    assert all(told[one.seed] == one.trainee.rows for one in together)
    assert all(one.trainee.elapsed_s > 0 for one in together)


def test_a_loss_that_is_no_number_is_told_with_its_seed():
    together = [replica(with_dropout, seed) for seed in SEEDS]
    steps = []

    def poison():
        steps.append(None)
        if len(steps) == 6:
            together[1].trainee.model[1].weight.data[:] = float("nan")

    one = together[1]
    together[1] = Replica(one.trainee, one.splits, CONFIG, 1, Hooks(after_step=poison))
    with pytest.raises(UserError, match=r"^seed 1: the loss is nan at step 7 \(epoch 2, batch 2\)"):
        fit_together(together)
    assert [len(one.trainee.rows) for one in together] == [1, 1, 1]


def test_nobody_shares_a_network():
    one = replica(with_dropout, 0)
    with pytest.raises(ValueError, match="share one model"):
        fit_together([one, Replica(one.trainee, one.splits, CONFIG, 1)])


def test_graphs_are_for_cuda():
    assert computing(torch.device("cpu"), graphs=True) is gradients
    assert computing(torch.device("cuda"), graphs=False) is gradients
    assert isinstance(computing(torch.device("cuda"), graphs=True), Replayed)
