"""The course of a training, from wherever it stands to its files: the same for every recipe."""

from collections.abc import Sequence
from typing import Any

from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.freezing_report import FreezingReport
from partial_backprop.recipes.context import TrainingContext
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.provenance import write_record
from partial_backprop.recipes.run_checkpoint import RunCheckpoint, Stateful
from partial_backprop.record import Selection
from partial_backprop.run_config import RunConfig
from partial_backprop.training import checkpoint, history
from partial_backprop.training.events import Events
from partial_backprop.training.loop import Hooks, fit
from partial_backprop.training.precision import bf16_warning
from partial_backprop.training.progress import Progress


def train(
    config: RunConfig,
    job: Job,
    context: TrainingContext,
    hooks: Hooks,
    method: Stateful | None = None,
) -> RunCheckpoint:
    """Train to the last epoch, with progress, events and checkpoints."""
    name = f"{config.experiment}/{config.arm}/seed{config.seed}"
    with (
        Progress(name, config.training.epochs, job.log) as progress,
        Events(job.out / "events" if job.tensorboard else None) as events,
    ):
        if warning := bf16_warning(config.training.precision, job.device):
            progress.say(warning)
        run_checkpoint = RunCheckpoint(config, job, context, method)
        run_checkpoint.resume(progress.say)

        def on_epoch(row: history.Row, seconds: float) -> None:
            progress.epoch(row, len(context.splits.train), seconds)
            events.epoch(row)
            run_checkpoint.save_when_due()

        try:
            fit(
                context.train_state,
                context.splits,
                config.training,
                config.seed,
                hooks=hooks,
                on_epoch=on_epoch,
            )
        except UserError as error:
            run_checkpoint.save()
            raise UserError(f"{name}: {error}") from None
    return run_checkpoint


def save_run(
    config: RunConfig,
    job: Job,
    context: TrainingContext,
    selections: Sequence[Selection],
    *,
    freezing: FreezingReport | None = None,
    measurements: dict[str, Any] | None = None,
) -> None:
    """Write ``weights.pt``, ``history.csv`` and, last, ``record.json``."""
    # Where there is a record, the run is complete
    train_state = context.train_state
    checkpoint.save(train_state.model.state_dict(), job.out / "weights.pt")
    write_atomically(job.out / "history.csv", history.to_csv(train_state.rows))
    write_record(
        config,
        job.out,
        job.device,
        train_state.elapsed_s,
        data=context.data,
        network=context.network,
        selections=tuple(selections),
        freezing=freezing,
        measurements=measurements or {},
    )
