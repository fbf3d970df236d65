"""Measure what a training step costs under several optimizers (dessilbi2020, table 6)."""

import copy
import time

import pandas as pd
import torch

from partial_backprop.errors import UserError
from partial_backprop.experiments.dessilbi import step_costs
from partial_backprop.files import write_atomically
from partial_backprop.optim.dessilbi import DessiLBI
from partial_backprop.recipes import step_meter
from partial_backprop.recipes.context import build_context
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.provenance import write_record
from partial_backprop.run_config import RunConfig, TrainingConfig
from partial_backprop.training.loop import TrainState
from partial_backprop.training.seeding import make_deterministic

OPTIMIZERS = {
    "sgd": lambda weights, lr: torch.optim.SGD(weights, lr, foreach=True),
    "sgd_mom": lambda weights, lr: torch.optim.SGD(weights, lr, momentum=0.9, foreach=True),
    "adam": lambda weights, lr: torch.optim.Adam(weights, lr, foreach=True),
    "dessilbi": lambda weights, lr: DessiLBI(weights, lr),
    "dessilbi_mom": lambda weights, lr: DessiLBI(weights, lr, momentum=0.9),
}
"""Arm of table 1 -> from weights and a learning rate to its optimizer. All go through a list of tensors
at once; torch's own would be faster still as fused kernels, which DessiLBI has not."""


def run(
    config: RunConfig,
    job: Job,
    *,
    # Some of `OPTIMIZERS`
    optimizers: tuple[str, ...] = ("sgd", "sgd_mom", "adam", "dessilbi", "dessilbi_mom"),
    # Images of the batch, at least 1
    batch_size: int = 128,
    # Of all optimizers: small, since it has no part in the costs
    learning_rate: float = 0.001,
    # rounds, warm_up: steps of each optimizer that are measured, at least 1, and steps before them
    # that are not
    rounds: int = 20,
    warm_up: int = 3,
    # CPU threads
    threads: int = 1,
) -> None:
    """Train copies of one network on one batch, in turn, and leave ``record.json``."""
    # Bytes go into the record and seconds into ``timing.csv`` beside it
    # Source: dessilbi2020, table 6
    where = f"recipe of {config.experiment}/{config.arm}"
    if unknown := [name for name in optimizers if name not in OPTIMIZERS]:
        raise UserError(
            f"{where}: unknown optimizer {unknown[0]!r}: choose of {', '.join(OPTIMIZERS)}"
        )
    numbers = {"batch_size": batch_size, "rounds": rounds, "threads": threads, "warm_up": warm_up}
    for name, value in numbers.items():
        if value < 1:
            raise UserError(f"{where}: {name} must be 1 or more, got {value}")
    if not optimizers:
        raise UserError(f"{where}: name at least one optimizer")
    started = time.monotonic()
    make_deterministic(threads)
    # Nothing is trained here; data and network are made as for a training.
    context = build_context(config.model_copy(update={"training": TrainingConfig()}), job)
    images, labels = context.splits.train.batch(slice(batch_size))
    model = context.train_state.model.train()
    train_states = {}
    for name in optimizers:
        own = copy.deepcopy(model)
        train_states[name] = TrainState(own, OPTIMIZERS[name](own.parameters(), learning_rate))
    n_activation_bytes = step_meter.activation_bytes(copy.deepcopy(model), images, labels)
    rows = step_meter.interleave(train_states, images, labels, rounds=rounds, warm_up=warm_up)
    report = step_costs.CostReport(
        batch_size=len(images),
        n_weight_bytes=step_meter.tensor_bytes([*model.parameters(), *model.buffers()]),
        n_gradient_bytes=step_meter.tensor_bytes(
            one.grad
            for one in train_states[optimizers[0]].model.parameters()
            if one.grad is not None
        ),
        n_activation_bytes=n_activation_bytes,
        optimizers=tuple(
            step_costs.OptimizerBytes(
                name=name, state=step_meter.state_bytes(train_state.optimizer)
            )
            for name, train_state in train_states.items()
        ),
    )
    times = pd.DataFrame(rows, columns=step_costs.TIMING_COLUMNS)
    write_atomically(job.out / step_costs.TIMING, times.to_csv(index=False).encode())
    write_record(
        config,
        job.out,
        job.device,
        time.monotonic() - started,
        data=context.data,
        network=context.network,
        measurements={step_costs.KEY: report.model_dump(mode="json")},
    )
