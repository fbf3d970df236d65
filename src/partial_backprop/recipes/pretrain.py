"""Train a classifier from the start with augmented images, or take a user's weights for it."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

from partial_backprop.correct_images import CorrectImages
from partial_backprop.recipes.context import TrainingContext, build_context
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.run import save_run, train
from partial_backprop.recipes.start import load_weights
from partial_backprop.record import Selection
from partial_backprop.run_config import Precision, RunConfig
from partial_backprop.training import history
from partial_backprop.training.augment import crop_and_flip
from partial_backprop.training.loop import Hooks, evaluate


def run(
    config: RunConfig, job: Job, *, checkpoint: str | None = None, padding: int | None = 4
) -> None:
    """Leave trained weights and the record of how good they are."""
    # Source: sparse_homework, Lab 2 (a)
    # `checkpoint`: file with a ``state_dict`` that is taken instead of a training: the history is
    # then empty, and the record tells the file's name and checksum
    # `padding`: largest shift of the random crops, in pixels; None trains on the images as they are
    context = build_context(config, job)
    if checkpoint is not None:
        load_weights(context.train_state.model, Path(checkpoint))
        found = {"file": Path(checkpoint).name, "sha256": _sha256(Path(checkpoint))}
        selections = _as_it_is(context, config.training.precision)
        save_run(config, job, context, selections, measurements={"checkpoint": found})
        return
    run_checkpoint = train(config, job, context, Hooks(**augmentation(context, padding)))
    save_run(
        config,
        job,
        context,
        history.selections(context.train_state.rows, context.train_state.test_correct),
    )
    run_checkpoint.discard()


def augmentation(context: TrainingContext, padding: int | None) -> dict[str, Any]:
    """Return the hook that crops and flips."""
    if padding is None:
        return {}
    return {"augment": partial(crop_and_flip, padding=padding, fill=context.splits.train.shift)}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _as_it_is(context: TrainingContext, precision: Precision) -> tuple[Selection, ...]:
    """Score weights that have no epochs to choose from: every rule takes them."""
    model, splits = context.train_state.model, context.splits
    with context.train_state.timed():
        validation, test = (
            evaluate(model, split, precision=precision)
            for split in (splits.validation, splits.test)
        )
    which = CorrectImages.of(history.packed(test.correct).numpy().tobytes(), test.n_examples)
    rules = ("last", "best_on_validation", "best_on_test")
    return tuple(
        Selection(
            rule=rule, epoch=0, validation=validation.count, test=test.count, test_correct=which
        )
        for rule in rules
    )
