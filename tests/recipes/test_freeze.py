"""Partial backpropagation in the training loop."""

import copy
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from partial_backprop.data.dataset import Examples
from partial_backprop.freezing import quantile
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.recipes.freeze import hooks
from partial_backprop.run_config import TrainingConfig
from partial_backprop.training import optimizers
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.loop import DeviceSplits, TrainState, backward, fit

CONFIG = TrainingConfig(epochs=4, batch_size=10, shared_epochs=0, milestones=(), precision="bf16")


def split(n=40):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, 1, 6, 6), dtype=np.uint8)
    labels = (images.mean((1, 2, 3)) > 127).astype(np.int64)
    return DeviceSplit.of(Examples(images, labels), (0.5,), (0.3,), torch.device("cpu"))


def test_every_mask_of_a_training_in_bf16_is_the_float32_mask_of_the_same_weights():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))
    train_state = TrainState(model, optimizers.build(model.parameters(), CONFIG.optimizer))
    pb = PartialBackprop(
        model, train_state.optimizer, {"name": "quantile", "q": 0.5}, start_epoch=1, remask_every=2
    )
    before, masks, data = {}, {}, split()

    def begin_epoch(epoch):
        before[epoch] = copy.deepcopy(model)
        pb.begin_epoch(epoch)

    fit(
        train_state,
        DeviceSplits(data, data, data),
        CONFIG,
        seed=0,
        hooks=replace(hooks(pb), begin_epoch=begin_epoch),
        on_epoch=lambda row, _: masks.update({row["epoch"]: pb.mask}),
    )

    def mask(epoch, precision):
        one = before[epoch]
        one.zero_grad()
        backward(one, *next(data.epoch(CONFIG.batch_size, 0, epoch)), precision)
        return quantile.mask({name: p.grad for name, p in one.named_parameters()}, q=0.5)

    assert pb.report().masked_at_epochs == (1, 3)
    for epoch in (1, 3):
        assert all(map(torch.equal, masks[epoch].values(), mask(epoch, "float32").values()))
        assert masks[epoch].threshold == mask(epoch, "float32").threshold
        assert masks[epoch].threshold != mask(epoch, "bf16").threshold
