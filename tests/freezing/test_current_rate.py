"""Masks divide by the learning rate of their own epoch, as text and listing do."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from partial_backprop import PartialBackprop, UserError, config, registry
from partial_backprop.freezing import fixed
from partial_backprop.recipes import freeze
from partial_backprop.training import optimizers
from partial_backprop.training.loop import TrainState

CONFIG = Path(__file__).parents[2] / "config"


def test_vgg19_has_the_listings_raw_thresholds_at_each_new_mask():
    """Epochs 2, 37, 72 and 107 of pb_remask35: 0.04 times the rate, which has decayed at 40 and 80."""
    run = config.resolve("full", "vgg19_cifar10", "pb_remask35", 0, CONFIG)
    model = registry.load("networks", "vgg19")((3, 32, 32), 10, width=0.0625)
    optimizer = optimizers.build(model.parameters(), run.training.optimizer)
    pb = freeze.partial_backprop(TrainState(model, optimizer), run)
    draw = torch.Generator().manual_seed(0)
    images, labels = torch.randn(4, 3, 32, 32, generator=draw), torch.arange(4)
    thresholds = {}
    for epoch in range(run.training.epochs):
        optimizers.set_learning_rate(optimizer, run.training.learning_rate(epoch))
        pb.begin_epoch(epoch)
        if epoch not in (2, 36, 37, 71, 72, 106, 107):
            continue
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
        pb.after_backward()
        thresholds[epoch] = pb.threshold
        if epoch in (2, 37, 72, 107):
            # The listing's own lines.
            rate = optimizer.param_groups[0]["lr"]
            for name, gradient in gradients.items():
                differs = pb.mask[name] != ((gradient / rate).abs() > 0.04)
                at_the_border = torch.isclose((gradient / rate).abs(), torch.tensor(0.04))
                assert bool(at_the_border[differs].all())
    assert thresholds == pytest.approx(
        {2: 4e-5, 36: 4e-5, 37: 4e-5, 71: 4e-5, 72: 4e-6, 106: 4e-6, 107: 4e-7}
    )


@pytest.mark.parametrize("name", ["random", "largest"])
def test_a_control_freezes_the_share_at_the_current_rate_too(name):
    like = {"name": "fixed", "threshold": 1.0, "learning_rate": None}
    seed = {"seed": 0} if name == "random" else {}
    shares = []
    for criterion in (like, {"name": name, "like": like, **seed}):
        model = nn.Linear(50, 20)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        pb = PartialBackprop(model, optimizer, criterion, start_epoch=0, remask_every=1)
        n_frozen = []
        for epoch, rate in enumerate((0.5, 0.1)):
            optimizers.set_learning_rate(optimizer, rate)
            pb.begin_epoch(epoch)
            for parameter in model.parameters():
                draw = torch.Generator().manual_seed(epoch)
                parameter.grad = torch.randn(parameter.shape, generator=draw)
            pb.after_backward()
            n_frozen.append(pb.mask.n_frozen())
        shares.append(n_frozen)
        pb.close()
    assert shares[0] == shares[1]
    assert shares[0][0] > shares[0][1] > 0


def test_a_rate_that_is_nobodys_is_told():
    with pytest.raises(ValueError, match="learning_rate"):
        fixed.mask({"w": torch.ones(3)}, threshold=1.0, learning_rate=None)
    with pytest.raises(UserError, match="learning_rate"):
        registry.resolve("freezing", {"name": "fixed", "threshold": 1.0, "learning_rate": -1.0})
