"""Rows of trained networks: selected epochs and settings."""

from collections.abc import Iterator

import numpy as np

from partial_backprop.inputs import Run
from partial_backprop.measurements import compression
from partial_backprop.report.rows import Row, emit, frozen_counts, score


def classified(run: Run) -> Iterator[Row]:
    """Runs with selections; those of Labs 2 and 3 have settings and are elsewhere."""
    if compression.KEY in run.record.measurements:
        return
    frozen = frozen_counts(run)
    for chosen in run.record.selections:
        scored = score("test", chosen.test) | {"epoch": chosen.epoch}
        yield from emit(run, scored, chosen.test.n_examples, stage=chosen.rule)
        yield from emit(run, frozen, frozen.get("n_weights", np.nan), stage=chosen.rule)


def losses(run: Run) -> Iterator[Row]:
    """Test loss of each selected epoch, where the history is there."""
    if not (run.record.selections and run.path.with_name("history.csv").exists()):
        return
    losses = run.history().set_index("epoch")["test_loss"]
    for chosen in run.record.selections:
        loss = {"test_loss": losses[chosen.epoch]}
        yield from emit(run, loss, chosen.test.n_examples, stage=chosen.rule)


def settings(run: Run) -> Iterator[Row]:
    """What a run was set to, numbers among the options of its recipe too, as metrics ``setting.…``."""
    record, training = run.record, run.record.config.training
    values: dict[str, float | None] = {}
    if training is not None:
        values |= {"epochs": training.epochs, "batch_size": training.batch_size}
        values |= {"learning_rate": training.optimizer.learning_rate}
        values |= {"warmup_epochs": training.shared_epochs}
    if record.data is not None:
        values["image_side"] = record.data.image_shape[1]
    if record.network is not None:
        values["full_size"] = record.network.full_size
    for name, value in record.config.recipe.items():
        if isinstance(value, int | float):
            values[name] = value
    yield from emit(run, {f"setting.{name}": value for name, value in values.items()})
