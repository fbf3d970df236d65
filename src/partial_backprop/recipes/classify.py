"""Train a classifier with full or partial backpropagation (pb2020)."""

import copy
from typing import Any

from torch import Tensor, nn

from partial_backprop.files import write_atomically
from partial_backprop.freezing.counts import report_unmasked
from partial_backprop.freezing.criterion import as_callable
from partial_backprop.freezing.scores import needs_of
from partial_backprop.freezing_report import FreezingReport
from partial_backprop.measurements import mask_stability as stability
from partial_backprop.measurements import movement
from partial_backprop.recipes import mask_stability
from partial_backprop.recipes.context import TrainingContext, build_context, state
from partial_backprop.recipes.freeze import criterion_of, hooks, partial_backprop
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.mask_gradients import EpochGradients
from partial_backprop.recipes.movement import N_BATCHES, measure
from partial_backprop.recipes.run import save_run, train
from partial_backprop.run_config import TRUNK, RunConfig
from partial_backprop.training import checkpoint, history
from partial_backprop.training.optimizers import set_learning_rate


def run(config: RunConfig, job: Job) -> None:
    """Train one arm, or the warm-up checkpoint that the arms share, and leave its files."""
    # The warm-up leaves ``trunk.pt``; an arm leaves ``record.json``, ``history.csv``, ``weights.pt``
    # and ``mask.pt`` (empty where nothing was frozen); FB ``movement.csv.gz`` too. The record is
    # written last: where there is one, the run is complete.
    context = build_context(config, job)
    # The weights at the beginning of the mask's epoch, where the arm begins with the warm-up's.
    epoch = len(context.train_state.rows)
    start = copy.deepcopy(context.train_state.model)
    measurements = _stability(config, context, start, epoch)
    pb = partial_backprop(context.train_state, config)
    run_checkpoint = train(config, job, context, hooks(pb), pb)
    if config.arm == TRUNK:
        checkpoint.save(state(context.train_state), job.out / "trunk.pt")
        run_checkpoint.discard()
        return
    if pb:
        freezing = pb.report()
    else:
        freezing = _full_backprop_report(config, context, start, epoch)
        measurements = _movement(config, job, context, start, epoch)
    checkpoint.save(dict(pb.mask) if pb and pb.mask else {}, job.out / "mask.pt")
    selections = history.selections(context.train_state.rows, context.train_state.test_correct)
    save_run(config, job, context, selections, freezing=freezing, measurements=measurements)
    run_checkpoint.discard()


def _stability(
    config: RunConfig, context: TrainingContext, start: nn.Module, epoch: int
) -> dict[str, Any]:
    """Compare the masks of several batches, where this epoch makes the mask, of one batch's gradients."""
    freezing = config.freezing
    if freezing is None or freezing.start_epoch != epoch or freezing.criterion["name"] == "random":
        return {}
    if freezing.mask_batches > 1 or needs_of(freezing.criterion):
        return {}
    optimizer = context.train_state.optimizer
    set_learning_rate(optimizer, config.training.learning_rate(epoch))
    # Batch statistics move, and those of the start are still wanted.
    gradients = EpochGradients(copy.deepcopy(start), context.splits.train, config.seed, epoch)
    criterion = as_callable(criterion_of(config), optimizer)
    found = mask_stability.measure(gradients, criterion, config.training.batch_size)
    return {stability.KEY: found.model_dump(mode="json")}


def _values(model: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def _full_backprop_report(
    config: RunConfig, context: TrainingContext, start: nn.Module, epoch: int
) -> FreezingReport:
    """Count for FB what is counted for PB: zero gradients at the start, and values unmoved since."""
    gradients = EpochGradients(start, context.splits.train, config.seed, epoch)
    first = gradients.of(0, config.training.batch_size)
    return report_unmasked(context.train_state.model, _values(start), first)


def _movement(
    config: RunConfig, job: Job, context: TrainingContext, start: nn.Module, epoch: int
) -> dict[str, Any]:
    """Measure how far weights went since the start; nothing for a run without warm-up epochs."""
    if not config.training.shared_epochs:
        return {}
    gradients = EpochGradients(start, context.splits.train, config.seed, epoch)
    size = config.training.batch_size
    n_batches = min(N_BATCHES, gradients.n_images // size)
    report, content = measure(
        _values(start),
        _values(context.train_state.model),
        (gradients.of(number * size, size) for number in range(n_batches)),
        epoch=epoch,
        batch_size=size,
    )
    write_atomically(job.out / report.file, content)
    return {movement.KEY: report.model_dump(mode="json")}
