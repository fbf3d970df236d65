"""What every recipe that trains a classifier begins with: data, network, optimizer, trunk."""

from dataclasses import dataclass

import torch

from partial_backprop import registry
from partial_backprop.data.dataset import Splits, load_splits
from partial_backprop.errors import UserError
from partial_backprop.recipes.job import Job
from partial_backprop.record import DataFacts, NetworkFacts
from partial_backprop.run_config import RunConfig
from partial_backprop.training import checkpoint, optimizers
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.loop import DeviceSplits, Trainee
from partial_backprop.training.seeding import derive


@dataclass(frozen=True)
class Setting:
    """Data and a network to train on them."""

    splits: DeviceSplits  # the data on the device
    # data, network: what the record says of them
    data: DataFacts
    network: NetworkFacts
    # the network with its optimizer: new, or as the trunk left it for arms that share epochs
    trainee: Trainee


def prepare(config: RunConfig, job: Job) -> Setting:
    """Load the data and build the network."""
    splits = load_splits(config.data, job.data_root, config.seed)
    trainee, network = _new_trainee(config, splits, job.device)
    if job.trunk is not None:
        restore(trainee, checkpoint.load(job.trunk, job.device), str(job.trunk))
    on_device = (
        part and DeviceSplit.of(part, splits.mean, splits.std, job.device)
        for part in (splits.train, splits.validation, splits.test)
    )
    return Setting(DeviceSplits(*on_device), splits.facts, network, trainee)


def _new_trainee(
    config: RunConfig, splits: Splits, device: torch.device
) -> tuple[Trainee, NetworkFacts]:
    options = dict(config.network)
    name = options.pop("name")
    build = registry.load("networks", name)
    torch.manual_seed(derive(config.seed, "initial weights"))
    try:
        model = build(splits.image_shape, splits.n_classes, **options)
    except ValueError as error:
        raise UserError(
            f"network of {config.experiment} at scale {config.scale}: {error}"
        ) from None
    model = model.to(device, memory_format=torch.channels_last)
    facts = NetworkFacts(
        name=name,
        n_parameters=sum(parameter.numel() for parameter in model.parameters()),
        full_size=dict(config.network) == registry.resolve("networks", {"name": name}),
    )
    return Trainee(model, optimizers.build(model.parameters(), config.training.optimizer)), facts


def state(trainee: Trainee) -> dict[str, object]:
    """Return what `restore` needs."""
    return {
        "model": trainee.model.state_dict(),
        "optimizer": trainee.optimizer.state_dict(),
        "rows": trainee.rows,
        "elapsed_s": trainee.elapsed_s,
        "test_correct": trainee.test_correct,
    }


def restore(trainee: Trainee, content: dict[str, object], where: str) -> None:
    """Put a trainee into a saved state."""
    try:
        trainee.model.load_state_dict(content["model"])
        trainee.optimizer.load_state_dict(content["optimizer"])
        trainee.rows[:] = content["rows"]
        trainee.elapsed_s = content["elapsed_s"]
        trainee.test_correct[:] = (bits.cpu() for bits in content["test_correct"])
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:100]
        raise UserError(f"{where} does not fit this network ({reason}): delete it") from None
