"""Train with a penalty on whole filters, count zeros, and remove them (pruning_logs, filter pruning)."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.experiments.filter_pruning import filter_report
from partial_backprop.experiments.filter_pruning.benchmark_pair import paired_times
from partial_backprop.experiments.filter_pruning.filter_log import PENALTIES, log_text
from partial_backprop.files import write_atomically
from partial_backprop.measurements import filters
from partial_backprop.pruning.chain import chain
from partial_backprop.pruning.proximal import ProximalSteps, SquaresInstead
from partial_backprop.pruning.removal import remove
from partial_backprop.recipes.context import TrainingContext, build_context
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.pretrain import augmentation
from partial_backprop.recipes.run import save_run, train
from partial_backprop.run_config import RunConfig
from partial_backprop.training import history
from partial_backprop.training.loop import Hooks

_TIMED = 128
"""Test images on which the two networks are timed, at once."""


def run(
    config: RunConfig,
    job: Job,
    *,
    # Group lasso by filters or by input channels, by proximal steps; or, as the source's script has
    # it, the gradient of a sum of squares
    penalty: str = "none",
    # Weight λ of the penalty, from 0 up
    strength: float = 0.0,
    # Epoch, from 0, on which the penalty begins: while the network has learned nothing its
    # gradients are small, and a strong penalty would draw all of it to zero
    start_epoch: int = 0,
    # Largest magnitude τ that counts as zero
    threshold: float = 1e-5,
    # Largest shift of the random crops, in pixels
    padding: int = 4,
    # Defect of the source: its log counts w < τ, so that every negative weight is sparse
    signed: bool = False,
    # Defect of the source: the loss takes the softmax of a softmax
    softmax_twice: bool = False,
    # Defect of the source: its log calls the augmented training images test
    test_on_train: bool = False,
) -> None:
    """Train, count zeros, build the smaller network and compare the two."""
    # Besides the files of every training there are ``log.txt``, in the form of the source's log,
    # and ``timing.csv``. The record has zeros counted both ways and both kinds of test, whatever
    # the log prints. Losses are those that the run minimises.
    # Source: pruning_logs, from "Result of training model without applying Filter pruning" on
    del signed, test_on_train  # the log reads them from the configuration
    where = f"recipe of {config.experiment}/{config.arm}"
    if not threshold >= 0:
        raise UserError(f"{where}: threshold must be 0 or more, got {threshold}")
    if penalty != "none" and not 0 <= start_epoch < config.training.epochs:
        raise UserError(
            f"{where}: start_epoch ({start_epoch}) must lie within the training's "
            f"{config.training.epochs} epochs"
        )
    context = build_context(config, job)
    model = context.train_state.model
    try:
        method = _hooks(context, penalty, strength, start_epoch)
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
    hooks = Hooks(**augmentation(context, padding), **method)
    doubled = model.register_forward_hook(_softmax) if softmax_twice else None
    run_checkpoint = train(config, job, context, hooks)
    with context.train_state.timed():
        scores = filter_report.scores(context, hooks.augment, config.seed)
        if doubled is not None:
            doubled.remove()
        smaller = remove(model).to(memory_format=torch.channels_last)
        report = filter_report.measure(context, smaller, threshold, scores)
        images, _ = context.splits.test.batch(slice(_TIMED))
        times = pd.DataFrame(paired_times(model, smaller, images), columns=filters.TIMING_COLUMNS)
    write_atomically(job.out / filters.TIMING, times.to_csv(index=False).encode())
    write_atomically(job.out / "log.txt", log_text(report, config.recipe).encode())
    measurements = {filters.KEY: report.model_dump(mode="json")}
    save_run(
        config,
        job,
        context,
        history.selections(context.train_state.rows, context.train_state.test_correct),
        measurements=measurements,
    )
    run_checkpoint.discard()


def _softmax(_: nn.Module, __: tuple[Tensor, ...], logits: Tensor) -> Tensor:
    """Turn logits into probabilities, of which the loss takes the softmax once more."""
    return logits.softmax(dim=1)


@dataclass
class _Since:
    """A hook that does nothing before an epoch."""

    start_epoch: int  # that epoch, from 0
    hook: Callable[[], None]  # what is called from then on
    epoch: int = 0  # the present epoch

    def begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __call__(self) -> None:
        if self.epoch >= self.start_epoch:
            self.hook()


def _hooks(
    context: TrainingContext, penalty: str, strength: float, start_epoch: int
) -> dict[str, Callable[..., None]]:
    if penalty not in PENALTIES:
        raise ValueError(f"penalty must be one of {', '.join(PENALTIES)}, got {penalty!r}")
    links = chain(context.train_state.model)
    if penalty == "none":
        return {}
    if penalty == "squares":
        name, hook = "after_backward", SquaresInstead(links, strength).after_backward
    else:
        steps = ProximalSteps(links, context.train_state.optimizer, strength, penalty)
        name, hook = "after_step", steps.after_step
    since = _Since(start_epoch, hook)
    return {"begin_epoch": since.begin_epoch, name: since}
