"""Steps with a closure, and optimizers in wrappers: the plain loop's weights, or a clear refusal."""

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


class Wrapper:
    """Of the form of Accelerate's and Lightning's: it has no hooks, and names what it wraps."""

    def __init__(self, optimizer) -> None:
        self.optimizer = optimizer

    def __getattr__(self, name):
        return getattr(self.optimizer, name)


def train_by_closure(model, optimizer, pb, epochs, by_name: bool = False) -> list[float]:
    losses = []
    for epoch in epochs:
        pb.begin_epoch(epoch)
        for images, labels in batches(epoch):

            def closure(images=images, labels=labels):
                optimizer.zero_grad()
                loss = F.cross_entropy(model(images), labels)
                loss.backward()
                return loss

            loss = optimizer.step(closure=closure) if by_name else optimizer.step(closure)
            losses.append(loss.item())
    return losses


@pytest.mark.parametrize("build", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("by_name", [False, True])
def test_a_closure_runs_once_before_the_mask(build, compact, by_name):
    options = {"criterion": HALF, "start_epoch": 1, "compact": compact, "remask_every": 2}
    plain, other = network(), network()
    optimizers = build(plain.parameters()), build(other.parameters())
    plain_pb = PartialBackprop(plain, optimizers[0], **options)
    pb = PartialBackprop(other, optimizers[1], **options)
    train(plain, optimizers[0], plain_pb, range(4))
    losses = train_by_closure(other, optimizers[1], pb, range(4), by_name)
    assert_same_bits(values(plain), values(other))
    assert_same_bits(dict(plain.named_buffers()), dict(other.named_buffers()))
    assert plain_pb.report() == pb.report()
    assert len(losses) == 16
    assert losses[-1] < losses[0]


def test_a_closure_without_gradients_lets_the_mask_wait():
    model = network()
    optimizer = OPTIMIZERS["adam"](model.parameters())
    pb = PartialBackprop(model, optimizer, HALF, start_epoch=0)
    pb.begin_epoch(0)
    before = values(model)
    assert optimizer.step(lambda: None) is None
    assert pb.mask_is_due
    assert_same_bits(before, values(model))
    train_by_closure(model, optimizer, pb, [0])
    assert pb.mask is not None


class TwoGradients(torch.optim.SGD):
    """Sharpness-aware in form: it moves, and asks for the gradients there."""

    def step(self, closure):
        super().step()
        with torch.enable_grad():
            closure()
        super().step()


class Twice(torch.optim.SGD):
    def step(self, closure):
        with torch.enable_grad():
            return closure() + closure()


@pytest.mark.parametrize("kind", [TwoGradients, Twice])
def test_an_optimizer_that_wants_new_gradients_within_a_step_is_refused(kind):
    model = network()
    optimizer = kind(model.parameters(), lr=0.1)
    pb = PartialBackprop(model, optimizer, HALF, start_epoch=0)
    with pytest.raises(UserError, match=kind.__name__):
        train_by_closure(model, optimizer, pb, [0])


def test_lbfgs_is_refused_by_name():
    model = network()
    with pytest.raises(UserError, match="LBFGS"):
        PartialBackprop(model, torch.optim.LBFGS(model.parameters()), HALF)


@pytest.mark.parametrize("compact", [False, True])
def test_a_wrapped_optimizer_is_the_one_that_it_wraps(compact):
    plain, other = network(), network()
    options = {"criterion": HALF, "start_epoch": 1, "compact": compact}
    optimizers = [OPTIMIZERS["amsgrad fused"](one.parameters()) for one in (plain, other)]
    wrapped = Wrapper(Wrapper(optimizers[1]))
    plain_pb = PartialBackprop(plain, optimizers[0], **options)
    pb = PartialBackprop(other, wrapped, **options)
    train(plain, optimizers[0], plain_pb, range(3))
    train(other, wrapped, pb, range(3))
    assert_same_bits(values(plain), values(other))
    with pytest.warns(UserWarning, match="replaces an earlier one"):
        PartialBackprop(other, optimizers[1], **options)


def test_what_is_no_optimizer_is_refused():
    with pytest.raises(UserError, match="Linear has no hooks"):
        PartialBackprop(network(), nn.Linear(2, 2), HALF)
