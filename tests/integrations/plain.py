"""What a trainer has to give the weights of: a plain loop over a few batches, in this order."""

import contextlib

import torch
import torch.nn.functional as F
from torch import nn

from partial_backprop import PartialBackprop

N_BATCHES = 5
"""Of an epoch; an odd number, so that accumulation over two leaves one."""
OPTIONS = {"criterion": {"name": "fixed", "threshold": 3.0}, "start_epoch": 1, "remask_every": 2}
"""A criterion that tells clipped, scaled and halved gradients from the loss's own."""


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    layers = nn.Linear(12, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 48), nn.ReLU()
    return nn.Sequential(*layers, nn.Linear(48, 3))


def data() -> list[tuple[torch.Tensor, torch.Tensor]]:
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(16 * N_BATCHES, 12, generator=draw), torch.arange(16 * N_BATCHES) % 3
    return list(zip(x, y, strict=True))


def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(torch.utils.data.DataLoader(data(), batch_size=16))


def adam(model, **options) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1, **options)


def train(
    model,
    optimizer,
    pb,
    epochs,
    accumulate: int = 1,
    last_by_number: bool = False,
    clip=lambda parameters: None,
    autocast=contextlib.nullcontext,
    scaler=None,
) -> None:
    """Run the loop; the last batches of an epoch step too, though they may be fewer than `accumulate`.

    Their losses are divided by `accumulate` all the same, or by their number.
    """
    for epoch in epochs:
        pb.begin_epoch(epoch)
        optimizer.zero_grad()
        for i, (x, y) in enumerate(batches(), start=1):
            alone = last_by_number and i > N_BATCHES - N_BATCHES % accumulate
            with autocast():
                loss = F.cross_entropy(model(x.to(next(model.parameters()).dtype)), y) / (
                    N_BATCHES % accumulate if alone else accumulate
                )
            (loss if scaler is None else scaler.scale(loss)).backward()
            if i % accumulate and i != N_BATCHES:
                continue
            if scaler is not None:
                scaler.unscale_(optimizer)
            pb.after_backward()
            clip(model.parameters())
            if scaler is None:
                optimizer.step()
            else:
                scaler.step(optimizer)
                scaler.update()
            optimizer.zero_grad()


def trained(epochs: int = 4, build=adam, options=OPTIONS, seed: int = 0, **how):
    model = network(seed)
    optimizer = build(model)
    pb = PartialBackprop(model, optimizer, **options)
    train(model, optimizer, pb, range(epochs), **how)
    return model, pb


def assert_same(model, pb, other, other_pb) -> None:
    """The same bits in weights and buffers, and the same report, of a mask that froze some of them."""
    expected, found = model.state_dict(), other.state_dict()
    assert expected.keys() == found.keys()
    for name in expected:
        assert torch.equal(expected[name], found[name]), name
    assert pb.report() == other_pb.report()
    assert 0.1 < pb.mask.n_frozen() / pb.mask.n_weights() < 0.9
