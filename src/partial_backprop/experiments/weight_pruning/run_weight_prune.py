"""Prune a trained network by magnitude while it is fine-tuned, and weigh its files (pruning_logs)."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from partial_backprop.errors import UserError
from partial_backprop.experiments.weight_pruning import results as sizes
from partial_backprop.experiments.weight_pruning.file_sizes import (
    measure_file,
    measure_pruned,
    n_same_outputs,
)
from partial_backprop.pruning.layers import weights
from partial_backprop.pruning.polynomial import PolynomialSchedule
from partial_backprop.pruning.stepwise import StepwisePruner
from partial_backprop.recipes.context import TrainingContext, build_context
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.pretrain import augmentation
from partial_backprop.recipes.run import save_run, train
from partial_backprop.recipes.start import load_weights
from partial_backprop.run_config import RunConfig
from partial_backprop.training import history
from partial_backprop.training.loop import Hooks, evaluate


def run(
    config: RunConfig,
    job: Job,
    *,
    # The run whose last weights these are, as ``experiment/arm``; of the same seed
    start: str = "cnn_training/float",
    # initial, final: shares of zeros in each convolution and linear layer at the first and the last
    # pruning, in [0, 1)
    initial: float = 0.5,
    final: float = 0.8,
    # Exponent of the schedule, greater than 0
    power: float = 3.0,
    # Steps from one pruning to the next, at least 1
    frequency: int = 100,
    # Epochs over which the share grows, from the first step on; at most those of the training
    ramp_epochs: int = 2,
    # Largest shift of the random crops, in pixels; None trains on the images as they are
    padding: int | None = None,
) -> None:
    """Fine-tune under a growing share of zeros, then write and measure every kind of file."""
    # Selections choose among the epochs at the final share only. Files are written to a temporary
    # folder, since all but the weights are of interest for their sizes alone.
    # *Departures.* The source names no network, data, epochs or optimizer: power, frequency, epochs
    # and Adam are those of its tool's tutorial. The last pruning always takes place (see
    # `PolynomialSchedule`). Files with the optimizer's state are measured twice: as the training
    # leaves it, and zero where a weight is pruned, which the source's zipped size asks for (see
    # `StepwisePruner`).
    # Source: pruning_logs, weight pruning
    del start  # the workflow has turned it into job.start
    where = f"recipe of {config.experiment}/{config.arm}"
    if job.start is None:
        raise UserError(f"{where}: it starts from trained weights: give them with --start FILE")
    if not 1 <= ramp_epochs <= config.training.epochs:
        raise UserError(
            f"{where}: ramp_epochs ({ramp_epochs}) must lie between 1 and the training's "
            f"{config.training.epochs} epochs"
        )
    context = build_context(config, job)
    n_steps = ramp_epochs * -(-len(context.splits.train) // config.training.batch_size)
    try:
        schedule = PolynomialSchedule(
            n_steps, initial=initial, final=final, power=power, frequency=frequency
        )
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
    model = context.train_state.model
    load_weights(model, job.start)
    unpruned = _worth(context)
    with tempfile.TemporaryDirectory() as folder:
        before = measure_file("unpruned", model.state_dict(), Path(folder))
    pruner = StepwisePruner(weights(model), schedule)
    hooks = Hooks(
        begin_epoch=_mendable(pruner.begin_epoch),
        after_step=_mendable(pruner.after_step),
        **augmentation(context, padding),
    )
    run_checkpoint = train(config, job, context, hooks, pruner)
    report = sizes.SizesReport(
        start=config.recipe["start"],
        unpruned=unpruned,
        pruned=_worth(context),
        schedule=tuple(
            sizes.Pruning(step=step, share=schedule.share(step))
            for step in range(n_steps + 1)
            if schedule.prunes_at(step)
        ),
        layers=tuple(
            sizes.Layer(name=name, n_weights=one.numel(), n_zeros=int((one == 0).sum()))
            for name, one in weights(model).items()
        ),
        files=(before, *measure_pruned(model, context.train_state.optimizer, pruner.kept)),
        n_same_outputs=n_same_outputs(context),
    )
    at_final_share = context.train_state.rows[ramp_epochs - 1 :]
    measurements = {sizes.KEY: report.model_dump(mode="json")}
    save_run(
        config,
        job,
        context,
        history.selections(at_final_share, context.train_state.test_correct),
        measurements=measurements,
    )
    run_checkpoint.discard()


def _mendable(hook: Callable[..., None]) -> Callable[..., None]:
    """Tell of weights that cannot be ranked as the training loop tells of a loss that is none."""

    def guarded(*arguments: int) -> None:
        try:
            hook(*arguments)
        except ValueError as error:
            raise UserError(f"{error}: lower the learning rate") from None

    return guarded


def _worth(context: TrainingContext) -> sizes.Worth:
    model, splits = context.train_state.model, context.splits
    with context.train_state.timed():
        validation, test = (evaluate(model, split) for split in (splits.validation, splits.test))
    return sizes.Worth(validation=validation.count, test=test.count, test_loss=test.loss)
