"""Recorded gradients are the computed ones, whatever happens between the steps."""

import numpy as np
import pytest
import torch
from torch import nn

from fake_graphs import capture_of
from partial_backprop.data.dataset import Examples
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.run_config import TrainingConfig
from partial_backprop.training import optimizers
from partial_backprop.training.backward import gradients
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.graphs import WARM_UP, Replayed
from partial_backprop.training.loop import DeviceSplits, Hooks, Trainee, fit_steps
from partial_backprop.training.turns import finish

# Six batches an epoch, the last one smaller; another learning rate in the third epoch.
CONFIG = TrainingConfig(epochs=4, batch_size=8, shared_epochs=0, milestones=(2,))
N_TRAIN, N_WHOLE = 44, 5


def splits():
    rng = np.random.default_rng(0)

    def part(n):
        images = rng.integers(0, 256, (n, 1, 6, 6), dtype=np.uint8)
        labels = (images.mean((1, 2, 3)) > 127).astype(np.int64)
        return DeviceSplit.of(Examples(images, labels), (0.5,), (0.3,), torch.device("cpu"))

    return DeviceSplits(part(N_TRAIN), part(10), part(10))


def network(*more):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), *more, nn.Linear(64, 2)
    )


def trained(compute_of, model=None, config=CONFIG, **options):
    """Train with partial backpropagation if there are options."""
    model = model or network()
    one = Trainee(model, optimizers.build(model.parameters(), config.optimizer))
    hooks = Hooks()
    if options:
        pb = PartialBackprop(model, one.optimizer, epochs=config.epochs, **options)
        hooks = Hooks(begin_epoch=pb.begin_epoch, after_backward=pb.after_backward)
    compute = compute_of(model)
    finish(fit_steps(one, splits(), config, 0, hooks=hooks, compute=compute))
    return one, compute


def kernel_by_kernel(_):
    return gradients


def replayed(model):
    return Replayed(capture_of(model))


def assert_same(one, other):
    for (name, mine), theirs in zip(
        one.model.state_dict().items(), other.model.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, theirs), name
    states = [trainee.optimizer.state_dict()["state"] for trainee in (one, other)]
    for mine, theirs in zip(states[0].values(), states[1].values(), strict=True):
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert one.rows == other.rows


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"criterion": {"name": "quantile", "q": 0.5}, "start_epoch": 1},
        {"criterion": {"name": "quantile", "q": 0.5}, "start_epoch": 1, "mode": "gradient"},
        {
            "criterion": {"name": "quantile", "q": 0.5},
            "start_epoch": 1,
            "remask_every": 1,
            "full_epochs_at_end": 1,
        },
    ],
    ids=["fb", "strict", "gradient", "new_masks"],
)
def test_masks_come_and_go_and_rates_change_without_a_new_recording(options):
    ours, compute = trained(replayed, **options)
    theirs, _ = trained(kernel_by_kernel, **options)
    assert_same(ours, theirs)
    assert compute.why_not is None
    assert compute.n_recorded == 1
    assert compute.n_replayed == CONFIG.epochs * N_WHOLE - WARM_UP


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_in_any_precision(precision):
    config = CONFIG.model_copy(update={"precision": precision})
    ours, compute = trained(replayed, config=config)
    assert_same(ours, trained(kernel_by_kernel, config=config)[0])
    assert compute.n_replayed > 0


def test_layers_that_change_are_recorded_anew():
    options = {
        "criterion": {"name": "filters", "q": 0.5, "scope": "layer"},
        "start_epoch": 1,
        "skip_filters": True,
    }
    ours, compute = trained(replayed, **options)
    assert_same(ours, trained(kernel_by_kernel, **options)[0])
    assert compute.n_recorded == 2
    assert compute.n_replayed == CONFIG.epochs * N_WHOLE - 2 * WARM_UP - 1 + 1


def test_a_network_that_draws_is_not_recorded():
    ours, compute = trained(replayed, network(nn.Dropout(0.5)))
    assert_same(ours, trained(kernel_by_kernel, network(nn.Dropout(0.5)))[0])
    assert compute.why_not == "the network draws random numbers"
    assert compute.n_recorded == compute.n_replayed == 0


def test_what_cannot_be_recorded_goes_on_kernel_by_kernel():
    def capture(work):
        work()
        raise RuntimeError("operation not permitted\nwhen stream is capturing")

    ours, compute = trained(lambda _: Replayed(capture), network()[:1] + network()[2:])
    assert_same(ours, trained(kernel_by_kernel, network()[:1] + network()[2:])[0])
    assert compute.why_not == "recording failed: operation not permitted when stream is capturing"
    assert compute.n_replayed == 0


def test_gradients_that_a_hook_takes_away_are_there_again():
    model = network()
    compute = Replayed(capture_of(model), warm_up=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    images, labels = splits().train.batch(slice(8))
    batch = model, optimizer, images, labels, "float32"
    expected = gradients(*batch)
    wanted = [one.grad.clone() for one in model.parameters()]
    for _ in range(4):
        found = compute(*batch)
        assert torch.equal(found.loss, expected.loss)
        assert all(
            torch.equal(one.grad, grad)
            for one, grad in zip(model.parameters(), wanted, strict=True)
        )
        model.zero_grad(set_to_none=True)
    assert compute.n_replayed == 3


def test_what_a_batch_told_outlives_the_next():
    model = network()
    compute = Replayed(capture_of(model), warm_up=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    train = splits().train
    losses = [
        compute(model, optimizer, *train.batch(slice(8 * n, 8 * n + 8)), "float32").loss
        for n in range(4)
    ]
    assert len({float(loss) for loss in losses}) == 4


def test_one_batch_at_least_comes_before_a_recording():
    with pytest.raises(ValueError, match="warm_up"):
        Replayed(warm_up=0)
