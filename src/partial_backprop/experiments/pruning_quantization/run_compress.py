"""Prune or quantize a trained network, with and without fine-tuning (sparse_homework, Labs 2 and 3)."""

import itertools
from dataclasses import dataclass
from typing import Literal

from partial_backprop.errors import UserError
from partial_backprop.measurements import compression
from partial_backprop.pruning.layers import prunable
from partial_backprop.pruning.pruner import Pruner
from partial_backprop.quantization.counts import layer_counts
from partial_backprop.quantization.layers import quantize_layers
from partial_backprop.recipes.context import TrainingContext, build_context
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.pretrain import augmentation
from partial_backprop.recipes.run import save_run, train
from partial_backprop.recipes.start import load_weights
from partial_backprop.run_config import RunConfig
from partial_backprop.training import history
from partial_backprop.training.loop import Hooks, evaluate


@dataclass(frozen=True)
class Step:
    """One setting of a network: how much of it is zero, and in how many bits it computes."""

    sparsity: float | None  # share of the prunable weights to prune; None prunes nothing
    bits: int | None  # bits of the inner layers; None leaves them in floating point


def run(
    config: RunConfig,
    job: Job,
    *,
    # The run whose last weights these are, as ``experiment/arm``; of the same seed
    start: str,
    # Shares of the prunable weights to prune, in (0, 1); the last is fine-tuned
    sparsities: tuple[float, ...] = (),
    # One threshold for each layer, or one for all
    scope: str = "layer",
    # Whether the last share is reached in equal steps, one before each of the first epochs, and
    # zeros may recover until the last step; else it is pruned at once
    iterative: bool = False,
    # Number of these steps; means nothing unless `iterative`
    ramp_epochs: int = 10,
    # Bits of all layers but the first and the last; the last of these is fine-tuned
    bits: tuple[int, ...] = (),
    # Whether a pruned weight stays zero when it is quantized. False is the presumed error of the
    # source: zeros move to the nearest level
    keep_zeros: bool = True,
    # Largest shift of the random crops, in pixels
    padding: int = 4,
) -> None:
    """Measure each setting on the starting weights, then fine-tune the last one."""
    # Weights that are zero at the start, or pruned, stay zero in fine-tuning. Selections of a ramp
    # choose among the epochs at the final sparsity only.
    # Source: sparse_homework, Lab 2 (b) to (e) and Lab 3 (b) to (e)
    del start  # the workflow has turned it into job.start
    n_steps = ramp_epochs if iterative else 0
    _check(config, job, scope, n_steps, sparsities)
    context = build_context(config, job)
    model = context.train_state.model
    load_weights(model, job.start)
    found = _measure(context, Step(None, None))
    steps = [Step(*pair) for pair in itertools.product(sparsities or [None], bits or [None])]
    points = []
    for step in steps:
        load_weights(model, job.start)
        _apply(context, step, scope, keep_zeros)
        points.append(_measure(context, step))
    if n_steps:
        load_weights(model, job.start)
        pruner = Pruner(prunable(model), sparsities[-1], scope=scope, ramp_epochs=n_steps)
    else:
        pruner = Pruner.holding_zeros(prunable(model))
    hooks = Hooks(
        begin_epoch=pruner.begin_epoch,
        after_step=pruner.after_step,
        **augmentation(context, padding),
    )
    run_checkpoint = train(config, job, context, hooks, pruner)
    report = compression.CompressionReport(
        start=config.recipe["start"],
        start_point=found,
        without_finetuning=tuple(points),
        finetuned=_measure(context, steps[-1]),
    )
    final = context.train_state.rows[max(n_steps - 1, 0) :]
    measurements = {compression.KEY: report.model_dump(mode="json")}
    save_run(
        config,
        job,
        context,
        history.selections(final, context.train_state.test_correct),
        measurements=measurements,
    )
    run_checkpoint.discard()


def _check(
    config: RunConfig, job: Job, scope: str, n_steps: int, sparsities: tuple[float, ...]
) -> None:
    where = f"recipe of {config.experiment}/{config.arm}"
    if job.start is None:
        raise UserError(f"{where}: it starts from trained weights: give them with --start FILE")
    if scope not in ("layer", "global"):
        raise UserError(f"{where}: scope must be layer or global, got {scope!r}")
    if any(not 0 < share < 1 for share in sparsities):
        raise UserError(f"{where}: sparsities must lie between 0 and 1, got {list(sparsities)}")
    if n_steps and not sparsities:
        raise UserError(f"{where}: iterative pruning needs a share to reach: give sparsities")
    if not 0 <= n_steps <= config.training.epochs:
        raise UserError(
            f"{where}: ramp_epochs ({n_steps}) must lie between 1 and the training's "
            f"{config.training.epochs} epochs"
        )


def _apply(
    context: TrainingContext, step: Step, scope: Literal["layer", "global"], keep: bool
) -> None:
    model = context.train_state.model
    try:
        if step.sparsity is not None:
            Pruner(prunable(model), step.sparsity, scope=scope).prune()
        quantize_layers(model, step.bits, keep_zeros=keep)
    except ValueError as error:
        raise UserError(f"recipe: {error}") from None


def _measure(context: TrainingContext, step: Step) -> compression.Point:
    model = context.train_state.model
    with context.train_state.timed():
        scores = {
            split: evaluate(model, getattr(context.splits, split))
            for split in ("validation", "test")
        }
    return compression.Point(
        sparsity=step.sparsity,
        bits=step.bits,
        validation=scores["validation"].count,
        test=scores["test"].count,
        test_loss=scores["test"].loss,
        layers=layer_counts(model),
    )
