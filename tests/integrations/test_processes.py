"""Each trainer in two processes over gloo: the weights of one with the joined batch.

Doubles without batch normalization, so that only the order of sums differs.
"""

import contextlib
import importlib
import os
import socket

import pytest
import torch
from tests.integrations import plain
from torch import nn

TOLERANCE = 1e-12
"""Largest difference of a weight after 20 steps."""

OPTIONS = {"criterion": {"name": "quantile", "q": 0.6}, "start_epoch": 1, "remask_every": 2}


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(12, 64), nn.Tanh(), nn.Linear(64, 3)).double()


def free_port() -> int:
    with contextlib.closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def accelerate(rank: int, folder: str) -> dict:
    from accelerate import DataLoaderConfiguration

    runs = importlib.import_module("tests.integrations.accelerate_training")
    halves = DataLoaderConfiguration(split_batches=True)
    parts = runs.start(OPTIONS, network=network, dataloader_config=halves)
    runs.train(*parts, range(4))
    parts[0].save_state(f"{folder}/saved")
    return {"values": parts[0].unwrap_model(parts[1]).state_dict(), "mask": dict(parts[-1].mask)}


def lightning(rank: int, folder: str) -> dict:
    runs = importlib.import_module("tests.integrations.lightning_training")
    module = runs.Module()
    module.network = network()
    two = {"devices": 2, "strategy": "ddp", "part": slice(8 * rank, 8 * rank + 8)}
    _, pb, trainer = runs.fit(module, folder, pb=OPTIONS, **two)
    trainer.save_checkpoint(f"{folder}/saved")
    return {"values": module.network.state_dict(), "mask": plain_names(pb.mask)}


def transformers(rank: int, folder: str) -> dict:
    runs = importlib.import_module("tests.integrations.transformers_training")
    model = runs.Module()
    model.network = network()
    two = {"batch_size": 8, "ddp_backend": "gloo", "save_strategy": "epoch"}
    pb, _ = runs.fit(model, f"{folder}/saved", runs.pictures(), pb=OPTIONS, **two)
    return {"values": model.network.state_dict(), "mask": plain_names(pb.mask)}


def plain_names(mask) -> dict:
    return {name.removeprefix("network."): active for name, active in mask.items()}


def train_in_two(rank: int, name: str, folder: str, port: int) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "NODE_RANK": "0"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_WORLD_SIZE": "2"}
    from partial_backprop.torchvision_compat import import_torchvision

    import_torchvision()
    found = globals()[name](rank, folder)
    torch.save(found, f"{folder}/{name}_{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("name", ["accelerate", "lightning", "transformers"])
def test_two_processes_train_as_one_and_their_checkpoint_resumes_in_one(trainers, tmp_path, name):
    torch.multiprocessing.spawn(train_in_two, (name, str(tmp_path), free_port()), nprocs=2)
    first, second = (
        torch.load(tmp_path / f"{name}_{rank}.pt", weights_only=True) for rank in (0, 1)
    )
    model = network()
    optimizer = plain.adam(model)
    pb = plain.PartialBackprop(model, optimizer, **OPTIONS)
    plain.train(model, optimizer, pb, range(4))
    for key, value in model.state_dict().items():
        assert torch.equal(first["values"][key], second["values"][key])
        assert torch.equal(first["mask"][key], second["mask"][key])
        assert torch.equal(first["mask"][key], pb.mask[key])
        assert float((first["values"][key] - value).abs().max()) < TOLERANCE
    assert pb.mask.n_frozen() > 0.5 * pb.mask.n_weights()

    found, mask = RESUME[name](tmp_path)
    plain.train(model, optimizer, pb, [4])
    for key, value in model.state_dict().items():
        assert torch.equal(mask[key], pb.mask[key])
        assert float((found[key] - value).abs().max()) < TOLERANCE


def resume_accelerate(folder):
    runs = importlib.import_module("tests.integrations.accelerate_training")
    parts = runs.start(OPTIONS, network=network, seed=1)
    parts[0].load_state(folder / "saved")
    runs.train(*parts, [4])
    return parts[1].state_dict(), parts[-1].mask


def resume_lightning(folder):
    runs = importlib.import_module("tests.integrations.lightning_training")
    module = runs.Module()
    module.network = network(seed=1)
    _, pb, _ = runs.fit(module, folder, 5, folder / "saved", pb=OPTIONS)
    return module.network.state_dict(), plain_names(pb.mask)


def resume_transformers(folder):
    runs = importlib.import_module("tests.integrations.transformers_training")
    model = runs.Module()
    model.network = network(seed=1)
    path = str(folder / "saved" / "checkpoint-20")
    pb, _ = runs.fit(model, folder / "one", runs.pictures(), 5, pb=OPTIONS, resume=path)
    return model.network.state_dict(), plain_names(pb.mask)


RESUME = {
    "accelerate": resume_accelerate,
    "lightning": resume_lightning,
    "transformers": resume_transformers,
}
