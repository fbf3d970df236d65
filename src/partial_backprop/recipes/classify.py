"""Train a classifier with full or partial backpropagation (pb2020)."""

import copy
from typing import Any

from torch import Tensor, nn

from partial_backprop.files import write_atomically
from partial_backprop.freezing.counts import report_unmasked
from partial_backprop.freezing.criterion import as_callable
from partial_backprop.freezing_report import FreezingReport
from partial_backprop.measurements import mask_stability as stability
from partial_backprop.measurements import movement
from partial_backprop.recipes import mask_stability
from partial_backprop.recipes.course import leave, train
from partial_backprop.recipes.freeze import criterion_of, hooks, partial_backprop
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.movement import N_BATCHES, measure
from partial_backprop.recipes.probe import EpochGradients
from partial_backprop.recipes.setting import Setting, prepare, state
from partial_backprop.run_config import TRUNK, RunConfig
from partial_backprop.training import checkpoint, history
from partial_backprop.training.optimizers import set_learning_rate


def run(config: RunConfig, job: Job) -> None:
    """Train one arm, or the trunk that the arms share, and leave its files."""
    # The trunk leaves ``trunk.pt``; an arm leaves ``record.json``, ``history.csv``, ``weights.pt``
    # and ``mask.pt`` (empty where nothing was frozen); FB ``movement.csv.gz`` too. The record is
    # written last: where there is one, the run is complete.
    setting = prepare(config, job)
    # The weights at the beginning of the mask's epoch, where the arm begins with the warm-up's.
    epoch = len(setting.trainee.rows)
    start = copy.deepcopy(setting.trainee.model)
    measurements = _stability(config, setting, start, epoch)
    pb = partial_backprop(setting.trainee, config)
    unfinished = train(config, job, setting, hooks(pb), pb)
    if config.arm == TRUNK:
        checkpoint.save(state(setting.trainee), job.out / "trunk.pt")
        unfinished.discard()
        return
    if pb:
        freezing = pb.report()
    else:
        freezing = _full_backprop_report(config, setting, start, epoch)
        measurements = _movement(config, job, setting, start, epoch)
    checkpoint.save(dict(pb.mask) if pb and pb.mask else {}, job.out / "mask.pt")
    selections = history.selections(setting.trainee.rows, setting.trainee.test_correct)
    leave(config, job, setting, selections, freezing=freezing, measurements=measurements)
    unfinished.discard()


def _stability(config: RunConfig, setting: Setting, start: nn.Module, epoch: int) -> dict[str, Any]:
    """Compare the masks of several batches, where this epoch makes the mask and no lots are drawn."""
    freezing = config.freezing
    if freezing is None or freezing.start_epoch != epoch or freezing.criterion["name"] == "random":
        return {}
    optimizer = setting.trainee.optimizer
    set_learning_rate(optimizer, config.training.learning_rate(epoch))
    # Batch statistics move, and those of the start are still wanted.
    gradients = EpochGradients(copy.deepcopy(start), setting.splits.train, config.seed, epoch)
    criterion = as_callable(criterion_of(config), optimizer)
    found = mask_stability.measure(gradients, criterion, config.training.batch_size)
    return {stability.KEY: found.model_dump(mode="json")}


def _values(model: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def _full_backprop_report(
    config: RunConfig, setting: Setting, start: nn.Module, epoch: int
) -> FreezingReport:
    """Count for FB what is counted for PB: zero gradients at the start, and values unmoved since."""
    gradients = EpochGradients(start, setting.splits.train, config.seed, epoch)
    first = gradients.of(0, config.training.batch_size)
    return report_unmasked(setting.trainee.model, _values(start), first)


def _movement(
    config: RunConfig, job: Job, setting: Setting, start: nn.Module, epoch: int
) -> dict[str, Any]:
    """Measure how far weights went since the start; nothing for a run without warm-up epochs."""
    if not config.training.shared_epochs:
        return {}
    gradients = EpochGradients(start, setting.splits.train, config.seed, epoch)
    size = config.training.batch_size
    n_batches = min(N_BATCHES, gradients.n_images // size)
    report, content = measure(
        _values(start),
        _values(setting.trainee.model),
        (gradients.of(number * size, size) for number in range(n_batches)),
        epoch=epoch,
        batch_size=size,
    )
    write_atomically(job.out / report.file, content)
    return {movement.KEY: report.model_dump(mode="json")}
