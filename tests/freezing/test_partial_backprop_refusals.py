"""What PartialBackprop refuses, each with its cause and remedy."""

import functools

import pytest
import torch
import torch.nn.functional as F
from tests.freezing.plain_training import (
    HALF,
    OPTIMIZERS,
    assert_same_bits,
    batches,
    network,
    train,
    values,
)
from torch import nn

from partial_backprop import PartialBackprop, UserError
from partial_backprop.freezing import quantile


def ready(criterion=HALF, **options):
    model = network()
    optimizer = OPTIMIZERS["adam"](model.parameters())
    pb = PartialBackprop(model, optimizer, criterion, **{"start_epoch": 0, **options})
    return model, optimizer, pb


def test_a_step_before_the_first_epoch_is_refused():
    model, optimizer, _ = ready()
    F.cross_entropy(model(next(batches(0))[0]), next(batches(0))[1]).backward()
    before = values(model)
    with pytest.raises(UserError, match="no epoch has begun: call begin_epoch"):
        optimizer.step()
    assert_same_bits(before, values(model))


def test_going_back_is_refused():
    _, _, pb = ready()
    pb.begin_epoch(3)
    with pytest.raises(UserError, match="epoch 2 cannot begin after epoch 3"):
        pb.begin_epoch(2)


@pytest.mark.parametrize("step", [lambda o, f: o.step(f), lambda o, f: o.step(closure=f)])
def test_closures_are_refused(step):
    _, optimizer, pb = ready()
    pb.begin_epoch(0)
    with pytest.raises(UserError, match=r"step\(closure\) is not supported"):
        step(optimizer, lambda: 0.0)


def test_lbfgs_is_refused_at_its_first_step():
    model = network()
    optimizer = torch.optim.LBFGS(model.parameters())
    PartialBackprop(model, optimizer, criterion=HALF, start_epoch=0).begin_epoch(0)
    with pytest.raises(UserError, match="an optimizer other than LBFGS"):
        optimizer.step(lambda: torch.zeros(()))


def test_no_gradients_are_refused():
    _, optimizer, pb = ready()
    pb.begin_epoch(0)
    with pytest.raises(UserError, match="no mask can be made at epoch 0: there are no gradients"):
        optimizer.step()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_gradients_that_are_not_finite_are_refused(bad):
    model, _, pb = ready()
    F.cross_entropy(model(next(batches(0))[0]), next(batches(0))[1]).backward()
    model[4].weight.grad[1, 2] = bad
    pb.begin_epoch(0)
    with pytest.raises(UserError, match=r"the gradient of '4\.weight' is NaN or infinite"):
        pb.after_backward()
    assert pb.mask is None


def test_sparse_gradients_are_refused():
    model = nn.Sequential(nn.Embedding(5, 3, sparse=True), nn.Linear(3, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=0)
    pb.begin_epoch(0)
    model(torch.tensor([1, 2])).sum().backward()
    with pytest.raises(UserError, match=r"the gradient of '0\.weight' is sparse"):
        optimizer.step()


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        (functools.partial(quantile.mask, q=2.0), "at epoch 0: q is a share from 0 to 1"),
        (lambda gs: {n: g + 0.5 for n, g in gs.items()}, "a mask holds only 0 and 1"),
        (lambda gs: {}, "differs from the gradients in names or shapes"),
        (
            lambda gs: {n: torch.ones(1) for n in gs},
            "differs from the gradients in names or shapes",
        ),
    ],
)
def test_bad_masks_are_refused(criterion, message):
    model, _, pb = ready(criterion)
    pb.begin_epoch(0)
    F.cross_entropy(model(next(batches(0))[0]), next(batches(0))[1]).backward()
    with pytest.raises(UserError, match=message):
        pb.after_backward()


@pytest.mark.parametrize(
    ("criterion", "options", "message"),
    [
        ("fixt", {}, "unknown name 'fixt' in freezing: choose one of filters"),
        ("fixed", {}, "option 'threshold' of freezing/fixed has no default"),
        ({"name": "fixed", "thresh": 1}, {}, "unknown option 'thresh'"),
        (
            {"name": "random", "like": {"name": "otsu_kde"}},
            {},
            "criterion 'random' needs a seed here",
        ),
        (3, {}, "must be a mapping with a name"),
        (HALF, {"mode": "loose"}, "unknown mode 'loose': choose strict or gradient"),
        (HALF, {"full_epochs_at_end": 1}, "full_epochs_at_end needs to know the end"),
    ],
)
def test_bad_arguments_are_refused(criterion, options, message):
    with pytest.raises(UserError, match=message):
        ready(criterion, **options)


def test_another_models_optimizer_is_refused():
    optimizer = OPTIMIZERS["adam"](network().parameters())
    with pytest.raises(UserError, match="the optimizer holds none of the model's trainable"):
        PartialBackprop(network(), optimizer, criterion=HALF)


def test_nothing_to_report_before_the_mask():
    _, _, pb = ready(start_epoch=2)
    with pytest.raises(UserError, match="nothing is frozen before epoch 2's first step"):
        pb.report()


def test_states_that_do_not_fit_are_refused():
    model, optimizer, pb = ready()
    train(model, optimizer, pb, range(1))
    state = pb.state_dict()
    with pytest.raises(UserError, match="the saved state is of mode 'strict', this is 'gradient'"):
        ready(mode="gradient")[2].load_state_dict(state)
    other = nn.Sequential(nn.Linear(2, 2))
    other_pb = PartialBackprop(other, OPTIMIZERS["adam"](other.parameters()), HALF)
    with pytest.raises(UserError, match=r"the saved mask of '0\.weight' fits no parameter"):
        other_pb.load_state_dict(state)
    with pytest.raises(UserError, match="this is no state of PartialBackprop: it lacks active"):
        pb.load_state_dict({"mode": "strict", "epoch": 0})
