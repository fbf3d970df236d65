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
    with pytest.raises(UserError, match="begin_epoch"):
        optimizer.step()
    assert_same_bits(before, values(model))


def test_going_back_is_refused():
    _, _, pb = ready()
    pb.begin_epoch(3)
    with pytest.raises(UserError, match="begin"):
        pb.begin_epoch(2)


def test_no_gradients_are_refused():
    _, optimizer, pb = ready()
    pb.begin_epoch(0)
    with pytest.raises(UserError, match="epoch"):
        optimizer.step()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_gradients_that_are_not_finite_are_refused(bad):
    model, optimizer, pb = ready()
    F.cross_entropy(model(next(batches(0))[0]), next(batches(0))[1]).backward()
    model[4].weight.grad[1, 2] = bad
    pb.begin_epoch(0)
    pb.after_backward()  # a GradScaler may skip the step
    assert pb.mask is None
    before = values(model)
    with pytest.raises(UserError, match=r"'4\.weight'.*infinite"):
        optimizer.step()
    assert pb.mask is None
    assert_same_bits(before, values(model))


def test_sparse_gradients_are_refused():
    model = nn.Sequential(nn.Embedding(5, 3, sparse=True), nn.Linear(3, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=0)
    pb.begin_epoch(0)
    model(torch.tensor([1, 2])).sum().backward()
    with pytest.raises(UserError, match=r"'0\.weight'.*sparse"):
        optimizer.step()


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        (functools.partial(quantile.mask, q=2.0), "share"),
        (lambda gs: {n: g + 0.5 for n, g in gs.items()}, "a mask holds only 0 and 1"),
        (lambda gs: {}, "shapes"),
        (
            lambda gs: {n: torch.ones(1) for n in gs},
            "shapes",
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
        ("fixt", {}, "'fixt'.*filters"),
        ("fixed", {}, "'threshold'.*default"),
        ({"name": "fixed", "thresh": 1}, {}, "unknown option 'thresh'"),
        (
            {"name": "random", "like": {"name": "otsu_kde"}},
            {},
            "'random'",
        ),
        (3, {}, "mapping"),
        (HALF, {"mode": "loose"}, "'loose'.*strict"),
        (HALF, {"full_epochs_at_end": 1}, "full_epochs_at_end"),
    ],
)
def test_bad_arguments_are_refused(criterion, options, message):
    with pytest.raises(UserError, match=message):
        ready(criterion, **options)


def test_another_models_optimizer_is_refused():
    optimizer = OPTIMIZERS["adam"](network().parameters())
    with pytest.raises(UserError, match=r"model's.*trainable"):
        PartialBackprop(network(), optimizer, criterion=HALF)


def test_nothing_to_report_before_the_mask():
    _, _, pb = ready(start_epoch=2)
    with pytest.raises(UserError, match="2's"):
        pb.report()


def test_states_that_do_not_fit_are_refused():
    model, optimizer, pb = ready()
    train(model, optimizer, pb, range(1))
    state = pb.state_dict()
    with pytest.raises(UserError, match="'strict'"):
        ready(mode="gradient")[2].load_state_dict(state)
    other = nn.Sequential(nn.Linear(2, 2))
    other_pb = PartialBackprop(other, OPTIMIZERS["adam"](other.parameters()), HALF)
    with pytest.raises(UserError, match=r"'0\.weight'.*parameter"):
        other_pb.load_state_dict(state)
    with pytest.raises(UserError, match=r"PartialBackprop.*lacks"):
        pb.load_state_dict({"mode": "strict", "epoch": 0})


def scaled_loss(model, scaler, factor: float = 1.0):
    images, labels = next(batches(0))
    return scaler.scale(F.cross_entropy(model(images), labels) * factor)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("unscales", [False, True])
@pytest.mark.parametrize("compact", [False, True])
def test_an_overflow_that_a_scaler_skips_lets_the_mask_wait(fused, unscales, compact):
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
    pb = PartialBackprop(model, optimizer, HALF, start_epoch=0, compact=compact)
    pb.begin_epoch(0)
    for factor in (1e36, 1.0, 1.0):
        assert pb.mask_is_due == (factor != 1.0 or pb.mask is None)
        optimizer.zero_grad()
        before = values(model)
        scaled_loss(model, scaler, factor).backward()
        if unscales:
            scaler.unscale_(optimizer)
            pb.after_backward()
        scaler.step(optimizer)
        scaler.update()
        assert (pb.mask is None) == (factor != 1.0)
        if factor != 1.0:
            assert_same_bits(before, values(model))
    assert pb.report().total("drift_sum_abs") == 0


@pytest.mark.parametrize("fused", [False, True])
def test_the_mask_is_made_of_unscaled_gradients(fused):
    """The scaler's step unscales them itself; a fused step does so later, without writing them."""
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    pb = PartialBackprop(model, optimizer, HALF, start_epoch=0)
    pb.begin_epoch(0)
    plain = network()
    F.cross_entropy(plain(next(batches(0))[0]), next(batches(0))[1]).backward()
    scaled_loss(model, scaler).backward()
    scaler.step(optimizer)
    expected = HALF({name: p.grad for name, p in plain.named_parameters()})
    assert pb.threshold == pytest.approx(expected.threshold, rel=1e-5)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("compact", [False, True])
def test_a_mask_of_scaled_gradients_is_told(fused, compact):
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    pb = PartialBackprop(model, optimizer, HALF, start_epoch=0, compact=compact)
    pb.begin_epoch(0)
    scaled_loss(model, scaler).backward()
    pb.after_backward()
    with pytest.warns(UserWarning, match=r"1024 times as large.*unscale_"):
        scaler.step(optimizer)


@pytest.mark.filterwarnings("error::UserWarning")
def test_clipping_after_the_mask_is_no_scale():
    model, optimizer, pb = ready()
    for epoch in range(3):
        pb.begin_epoch(epoch)
        optimizer.zero_grad()
        F.cross_entropy(model(next(batches(0))[0]), next(batches(0))[1]).backward()
        pb.after_backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
        optimizer.step()


def test_an_epoch_without_a_step_of_this_optimizer_is_told():
    model, _, pb = ready()
    other = torch.optim.SGD(model.parameters(), lr=0.1)
    train(model, other, pb, [0])
    with pytest.warns(UserWarning, match="optimizer"):
        pb.begin_epoch(1)


@pytest.mark.filterwarnings("error::UserWarning")
def test_an_epoch_begun_again_or_resumed_is_no_epoch_without_a_step():
    model, optimizer, pb = ready()
    pb.begin_epoch(0)
    train(model, optimizer, pb, [0, 1])
    state = pb.state_dict()
    other_model, other, other_pb = ready()
    other_model.load_state_dict(model.state_dict())
    other_pb.load_state_dict(state)
    train(other_model, other, other_pb, [2, 3])


def test_parameters_spread_over_processes_are_refused():
    model = network()
    model[4].weight.device_mesh = object()  # as a DTensor's
    with pytest.raises(UserError, match=r"'4\.weight'.*processes"):
        PartialBackprop(model, OPTIMIZERS["adam"](model.parameters()), HALF)


def test_parts_of_a_flat_parameter_are_refused():
    """Those of FullyShardedDataParallel, which needs a GPU; what it wraps bears this name."""
    model = nn.Module()
    model._fsdp_wrapped_module = network()
    with pytest.raises(UserError, match="spread over processes"):
        PartialBackprop(model, OPTIMIZERS["adam"](model.parameters()), HALF)


def test_numbers_of_sixteen_bytes_are_refused():
    model = nn.Linear(3, 2, dtype=torch.complex128)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    pb = PartialBackprop(model, optimizer, HALF, start_epoch=0)
    pb.begin_epoch(0)
    model(torch.ones(1, 3, dtype=torch.complex128)).abs().sum().backward()
    with pytest.raises(UserError, match="complex64"):
        optimizer.step()
