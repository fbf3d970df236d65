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
from partial_backprop.training.loop import DeviceSplits, TrainState
from partial_backprop.training.seeding import derive


@dataclass(frozen=True)
class TrainingContext:
    """Data and a network to train on them."""

    splits: DeviceSplits  # the data on the device
    # data, network: what the record says of them
    data: DataFacts
    network: NetworkFacts
    # the network with its optimizer: new, or of the warm-up checkpoint
    train_state: TrainState


def build_context(config: RunConfig, job: Job) -> TrainingContext:
    """Load the data and build the network."""
    splits = load_splits(config.data, job.data_root, config.seed)
    train_state, network = _new_train_state(config, splits, job.device)
    if job.trunk is not None:
        restore(train_state, checkpoint.load(job.trunk, job.device), str(job.trunk))
    on_device = (
        part and DeviceSplit.of(part, splits.mean, splits.std, job.device)
        for part in (splits.train, splits.validation, splits.test)
    )
    return TrainingContext(DeviceSplits(*on_device), splits.facts, network, train_state)


def _new_train_state(
    config: RunConfig, splits: Splits, device: torch.device
) -> tuple[TrainState, NetworkFacts]:
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
    return TrainState(model, optimizers.build(model.parameters(), config.training.optimizer)), facts


def state(train_state: TrainState) -> dict[str, object]:
    """Return what `restore` needs."""
    return {
        "model": train_state.model.state_dict(),
        "optimizer": train_state.optimizer.state_dict(),
        "rows": train_state.rows,
        "elapsed_s": train_state.elapsed_s,
        "test_correct": train_state.test_correct,
    }


def restore(train_state: TrainState, content: dict[str, object], where: str) -> None:
    """Put a trainee into a saved state."""
    try:
        train_state.model.load_state_dict(content["model"])
        train_state.optimizer.load_state_dict(content["optimizer"])
        train_state.rows[:] = content["rows"]
        train_state.elapsed_s = content["elapsed_s"]
        train_state.test_correct[:] = (bits.cpu() for bits in content["test_correct"])
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:100]
        raise UserError(f"{where} does not fit this network ({reason}): delete it") from None
