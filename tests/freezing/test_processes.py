"""Two processes on one machine, over gloo: masks, weights and checkpoints; parameters in shards.

Numbers are doubles, so that what differs is the order of sums: two halves of a batch, and their mean.
"""

import functools

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from tests.freezing.plain_training import assert_same_bits, values
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from partial_backprop import PartialBackprop, UserError

TOLERANCE = 1e-12
"""Largest difference of a weight after some dozen steps; one of 1e-16 of the mean of halves grows."""

ADAM = functools.partial(torch.optim.Adam, lr=0.01, amsgrad=True)
OPTIONS = {"criterion": {"name": "quantile", "q": 0.6}, "start_epoch": 1, "remask_every": 2}
N_BATCHES = 4


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    layers = nn.Linear(12, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 3)
    return nn.Sequential(*layers).double()


def batches(epoch: int):
    draw = torch.Generator().manual_seed(epoch)
    for _ in range(N_BATCHES):
        yield (
            torch.randn(16, 12, generator=draw).double(),
            torch.randint(0, 3, (16,), generator=draw),
        )


def train(model, optimizer, pb, epochs, part: slice = slice(None)) -> None:
    for epoch in epochs:
        pb.begin_epoch(epoch)
        for x, y in batches(epoch):
            optimizer.zero_grad()
            F.cross_entropy(model(x[part]), y[part]).backward()
            pb.after_backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()


def start(compact: bool = False, seed: int = 0, wrap=lambda model: model, **options):
    model = wrap(network(seed))
    optimizer = ADAM(model.parameters())
    return model, optimizer, PartialBackprop(model, optimizer, **OPTIONS | options, compact=compact)


def join(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)


def half(rank: int) -> slice:
    return slice(8 * rank, 8 * rank + 8)


def train_in_two(rank: int, folder: str) -> None:
    """In each of two processes: half of each batch; a checkpoint after the mask, and the end."""
    join(rank, folder)
    for compact in (False, True):
        model, optimizer, pb = start(compact, wrap=DistributedDataParallel)
        train(model, optimizer, pb, range(2), half(rank))
        parts = {"model": model.module, "optimizer": optimizer, "pb": pb}
        states = {name: part.state_dict() for name, part in parts.items()}
        torch.save(states, f"{folder}/checkpoint_{compact}_{rank}.pt")
        train(model, optimizer, pb, range(2, 4), half(rank))
        found = {"values": values(model.module), "mask": dict(pb.mask)}
        torch.save(found, f"{folder}/end_{compact}_{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("two")
    torch.multiprocessing.spawn(train_in_two, (str(path),), nprocs=2)
    return path


def saved(folder, name, compact, rank=0):
    return torch.load(folder / f"{name}_{compact}_{rank}.pt", weights_only=True)


def assert_close(one, other) -> None:
    for name in one:
        assert float((one[name] - other[name]).abs().max()) < TOLERANCE, name


@pytest.mark.parametrize("compact", [False, True])
def test_both_processes_have_the_same_masks_and_weights(folder, compact):
    first, second = (saved(folder, "end", compact, rank) for rank in (0, 1))
    assert all(torch.equal(first["mask"][name], second["mask"][name]) for name in first["mask"])
    assert_same_bits(first["values"], second["values"])


@pytest.mark.parametrize("compact", [False, True])
def test_they_train_as_one_process_with_the_joined_batch(folder, compact):
    model, optimizer, pb = start(compact)
    train(model, optimizer, pb, range(4))
    found = saved(folder, "end", compact)
    assert all(torch.equal(found["mask"][name], pb.mask[name]) for name in pb.mask)
    assert_close(found["values"], values(model))
    assert pb.mask.n_frozen() > 0.5 * pb.mask.n_weights()


@pytest.mark.parametrize("compact", [False, True])
def test_a_checkpoint_of_two_processes_resumes_in_one(folder, compact):
    model, optimizer, pb = start(compact, seed=1)
    states = saved(folder, "checkpoint", compact)
    for name, part in {"model": model, "optimizer": optimizer, "pb": pb}.items():
        part.load_state_dict(states[name])
    frozen = {name: weight[~pb.mask[name]] for name, weight in values(model).items()}
    train(model, optimizer, pb, range(2, 3))
    for name, weight in values(model).items():
        assert torch.equal(weight[~pb.mask[name]], frozen[name])
    train(model, optimizer, pb, range(3, 4))
    assert_close(saved(folder, "end", compact)["values"], values(model))


def refusals(rank: int, folder: str) -> None:
    """In each of two processes: what is refused, and why."""
    join(rank, folder)
    told = {}

    def attempt(name, **how):
        try:
            model, optimizer, pb = start(**how)
            train(model, optimizer, pb, range(2), half(rank))
        except UserError as error:
            told[name] = str(error)

    def draw(gradients):
        draw = torch.Generator().manual_seed(rank)
        return {n: torch.rand(g.shape, generator=draw) > 0.5 for n, g in gradients.items()}

    def shard(model):
        mesh = dist.device_mesh.init_device_mesh("cpu", (2,))
        return dist.fsdp.fully_shard(model, mesh=mesh)

    attempt("another mask", criterion=draw, wrap=DistributedDataParallel)
    attempt("sharded", wrap=shard)
    torch.save(told, f"{folder}/told_{rank}.pt")
    dist.destroy_process_group()


def test_what_is_refused_is_refused_in_both_processes(tmp_path):
    torch.multiprocessing.spawn(refusals, (str(tmp_path),), nprocs=2)
    for rank in (0, 1):
        told = torch.load(tmp_path / f"told_{rank}.pt", weights_only=True)
        assert "different masks" in told["another mask"]
        assert "spread over processes" in told["sharded"]
