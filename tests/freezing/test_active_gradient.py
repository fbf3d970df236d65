"""Gradients of active entries alone: what torch does with them, and what users do."""

import copy
import functools
import pickle

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from partial_backprop import PartialBackprop
from partial_backprop.freezing import quantile
from partial_backprop.freezing.active import ActiveEntries
from partial_backprop.freezing.active_gradient import ActiveGradient
from partial_backprop.freezing.strict import bits

MOST = functools.partial(quantile.mask, q=0.7)


def made(seed: int = 0, shape=(6, 5, 3, 3), share: float = 0.3):
    """An active gradient, and the whole one that it stands for."""
    draw = torch.Generator().manual_seed(seed)
    parameter = torch.zeros(shape).to(memory_format=torch.channels_last)
    active = torch.rand(shape, generator=draw) < share
    whole = torch.randn(shape, generator=draw).masked_fill(~active, 0.0)
    whole = whole.to(memory_format=torch.channels_last)
    entries = ActiveEntries(parameter, active)
    return ActiveGradient(entries.gather(whole), entries), whole, active


READ = {
    "norm": lambda g: torch.linalg.vector_norm(g, 2.0),
    "sum": lambda g: g.sum(),
    "a selection": lambda g: g[g != 0],
    "arithmetic": lambda g: (g * 2 + 1).abs(),
    "a row": lambda g: g[1].clone(),
    "clone": lambda g: g.clone(),
    "numpy": lambda g: torch.from_numpy(g.numpy().copy()),
    "list": lambda g: torch.tensor(g.tolist()),
    "pickle": lambda g: pickle.loads(pickle.dumps(g)),
    "deepcopy": lambda g: copy.deepcopy(g),
    "norms together": lambda g: torch.stack(torch._foreach_norm([g, torch.ones(3)])),
}


@pytest.mark.parametrize("read", READ.values(), ids=READ)
def test_reading_sees_the_whole_gradient(read):
    active, whole, _ = made()
    assert torch.equal(read(active), read(whole))


WRITTEN = {
    "by a number": lambda g: g.mul_(0.5),
    "by a tensor of one number": lambda g: g.mul_(torch.tensor(0.25)),
    "divided": lambda g: g.div_(3.0),
    "zeroed": lambda g: g.zero_(),
    "another added": lambda g: g.add_(torch.ones(g.shape), alpha=2.0),
    "copied": lambda g: g.copy_(torch.full(g.shape, 3.0)),
    "a row added to all": lambda g: g.add_(torch.arange(3.0)),
    "a row through a view": lambda g: g[1].zero_(),
    "through data": lambda g: g.data[0].fill_(2.0),
    "transposed": lambda g: g.transpose(0, 1).mul_(3.0),
    "where large": lambda g: g.masked_fill_(g.abs() > 0.5, 1.0),
    "by factors of its shape": lambda g: g.mul_(torch.full(g.shape, 2.0)),
    "clamped": lambda g: g.clamp_(-0.3, 0.2),
    "together": lambda g: torch._foreach_mul_([g, torch.ones(2)], torch.tensor(0.5)),
    "set in place": lambda g: g.__setitem__((slice(None), 0), 1.0),
    "sign": lambda g: g.sign_(),
}


@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN)
def test_writing_is_not_lost(write):
    """Active entries are what they would be of a whole gradient; frozen ones nobody reads."""
    gradient, whole, active = made()
    write(gradient)
    write(whole)
    assert torch.equal(gradient[active], whole[active])
    again = gradient.detach()  # shares what it stores
    again.mul_(2.0)
    assert torch.equal(gradient[active], 2 * whole[active])


@given(st.integers(0, 50), st.floats(0, 1))
def test_gradients_add_up_bit_by_bit(seed, share):
    parameter = nn.Parameter(torch.zeros(4, 3, 2, 2).to(memory_format=torch.channels_last))
    active, whole, mask = made(seed, parameter.shape, share)
    parameter.grad = active
    factor = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed + 1))
    (parameter * factor).sum().backward()
    assert isinstance(parameter.grad, ActiveGradient)
    assert not parameter.grad.is_whole
    assert torch.equal(bits(parameter.grad.clone())[mask], bits(whole + factor)[mask])


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    body = nn.Sequential(nn.Conv2d(2, 30, 5), nn.BatchNorm2d(30), nn.ReLU(), nn.Flatten())
    model = body.append(nn.Linear(120, 60)).append(nn.ReLU()).append(nn.Linear(60, 3))
    return model.to(memory_format=torch.channels_last)


def batch(seed: int):
    draw = torch.Generator().manual_seed(seed)
    images = torch.randn(8, 2, 6, 6, generator=draw)
    return images, torch.randint(0, 3, (8,), generator=draw)


def clip(model, optimizer, pb, scaler):
    pb.after_backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.1)
    optimizer.step()


def clip_values(model, optimizer, pb, scaler):
    nn.utils.clip_grad_value_(model.parameters(), 1e-3)
    optimizer.step()


def scaled(model, optimizer, pb, scaler):
    scaler.step(optimizer)
    scaler.update()


def unscaled(model, optimizer, pb, scaler):
    scaler.unscale_(optimizer)
    pb.after_backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.1)
    scaler.step(optimizer)
    scaler.update()


def plain(model, optimizer, pb, scaler):
    optimizer.step()


USES = {"plain": plain, "norm": clip, "value": clip_values, "scaler": scaled, "both": unscaled}


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("accumulated", [1, 3])
@pytest.mark.parametrize("use", USES)
def test_training_has_the_bits_of_whole_gradients(use, accumulated, fused, monkeypatch):
    """With clipping, accumulation and a scaler, after a mask and after a new one."""
    found, kinds = [], []
    for collects in (False, True):
        if not collects:
            monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        else:
            monkeypatch.undo()
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01, amsgrad=True, fused=fused)
        pb = PartialBackprop(model, optimizer, MOST, 1, remask_every=2, compact=True)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, enabled=use in ("scaler", "both"))
        for epoch in range(5):
            pb.begin_epoch(epoch)
            for step in range(2):
                optimizer.zero_grad()
                for part in range(accumulated):
                    images, labels = batch(100 * epoch + 10 * step + part)
                    scaler.scale(F.cross_entropy(model(images), labels)).backward()
                kinds.append(type(model[4].weight.grad))
                USES[use](model, optimizer, pb, scaler)
        assert pb.report().masked_at_epochs == (1, 3)
        assert pb.report().total("drift_sum_abs") == 0
        found.append({name: p.detach().clone() for name, p in model.named_parameters()})
    for name in found[0]:
        assert torch.equal(bits(found[0][name]), bits(found[1][name])), name
    # Whole where a mask is about to be made, active ones alone in all other steps after the first.
    assert kinds[:10] == [torch.Tensor] * 10
    made_whole = {0, 1, 2, 6}
    assert [kind is torch.Tensor for kind in kinds[10:]] == [n in made_whole for n in range(10)]


def test_a_tied_weights_gradient_is_collected_once():
    torch.manual_seed(0)
    embedding, head = nn.Embedding(60, 50), nn.Linear(50, 60)
    head.weight = embedding.weight
    model = nn.Sequential(embedding, head)
    optimizer = torch.optim.Adam(model.parameters())
    pb = PartialBackprop(model, optimizer, MOST, 0, compact=True)
    pb.begin_epoch(0)
    tokens = torch.arange(60)
    F.cross_entropy(model(tokens), tokens).backward()
    optimizer.step()
    other = copy.deepcopy(model)
    optimizer.zero_grad()
    for one in (model, other):
        F.cross_entropy(one(tokens), tokens).backward()
    active = pb.mask["0.weight"]
    assert isinstance(embedding.weight.grad, ActiveGradient)
    assert torch.equal(embedding.weight.grad[active], other[0].weight.grad[active])


def test_gradients_are_whole_again_once_nothing_is_frozen():
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    pb = PartialBackprop(model, optimizer, MOST, 0, full_epochs_at_end=1, epochs=2, compact=True)
    kinds = []
    for epoch in (0, 0, 1):
        pb.begin_epoch(epoch)
        images, labels = batch(epoch)
        F.cross_entropy(model(images), labels).backward()
        kinds.append(type(model[4].weight.grad))
        optimizer.step()
    assert kinds == [torch.Tensor, ActiveGradient, torch.Tensor]
    assert not any(isinstance(p.grad, ActiveGradient) for p in model.parameters())
