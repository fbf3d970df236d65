"""The training loop: one for all recipes, with a few hooks.

What a method does to images, gradients or weights hangs on ``augment``, ``after_backward`` and
``after_step``; the loop itself knows of no method.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.run_config import TrainingConfig
from partial_backprop.training.backward import Gradients, gradients
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.evaluate import Score, evaluation_steps
from partial_backprop.training.history import Row
from partial_backprop.training.hooks import Hooks, nothing
from partial_backprop.training.optimizers import learning_rate, set_learning_rate
from partial_backprop.training.seeding import derive
from partial_backprop.training.turns import Steps, finish


@dataclass
class Trainee:
    """A network in training: all that changes from epoch to epoch.

    Parameters
    ----------
    model : nn.Module
        The network.
    optimizer : torch.optim.Optimizer
        Its optimizer.
    rows : list of Row
        The history so far; the next epoch is its length.
    elapsed_s : float
        Seconds spent so far, in earlier processes too.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    rows: list[Row] = field(default_factory=list)
    elapsed_s: float = 0.0

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Add the seconds of a block, such as an evaluation beside the epochs.

        Yields
        ------
        None
            `elapsed_s` grows when the block ends.
        """
        started = time.monotonic()
        yield
        self.elapsed_s += time.monotonic() - started


@dataclass(frozen=True)
class DeviceSplits:
    """The three splits on the device.

    Parameters
    ----------
    train, validation, test : DeviceSplit
        The splits.
    """

    train: DeviceSplit
    validation: DeviceSplit
    test: DeviceSplit


def epoch_batches(
    split: DeviceSplit, config: TrainingConfig, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Seed torch for an epoch and iterate over its batches.

    Parameters
    ----------
    split : DeviceSplit
        The training set.
    config : TrainingConfig
        Batch size.
    seed : int
        Seed of the run.
    epoch : int
        Epoch from 0.

    Yields
    ------
    images : Tensor of shape (batch, channels, height, width)
        Normalised images.
    labels : Tensor of shape (batch,)
        Class indices.
    """
    torch.manual_seed(derive(seed, "epoch", epoch))
    yield from split.epoch(config.batch_size, seed, epoch)


def train_epoch(
    trainee: Trainee,
    split: DeviceSplit,
    config: TrainingConfig,
    seed: int,
    epoch: int,
    hooks: Hooks,
) -> Score:
    """Train one epoch.

    Parameters
    ----------
    trainee : Trainee
        Altered in place.
    split : DeviceSplit
        The training set.
    config : TrainingConfig
        Batch size and precision.
    seed : int
        Seed of the run.
    epoch : int
        Epoch from 0.
    hooks : Hooks
        What is called on the way.

    Returns
    -------
    Score
        Mean loss and correct predictions, in training mode, as the weights went along.

    Raises
    ------
    UserError
        If the loss is no finite number; the message names the step.
    """
    return finish(epoch_steps(trainee, split, config, seed, epoch, hooks))


def epoch_steps(
    trainee: Trainee,
    split: DeviceSplit,
    config: TrainingConfig,
    seed: int,
    epoch: int,
    hooks: Hooks,
    compute: Gradients = gradients,
) -> Steps[Score]:
    """Train one epoch step by step, so that others may take turns.

    Parameters
    ----------
    trainee, split, config, seed, epoch, hooks : object
        As of `train_epoch`.
    compute : Gradients
        Computes the gradients of a batch.

    Returns
    -------
    Steps
        The work, which finds what `train_epoch` returns.

    Yields
    ------
    None
        After each step.
    """
    model, optimizer = trainee.model, trainee.optimizer
    model.train()
    hooks.begin_epoch(epoch)
    losses: list[Tensor] = []
    weights: list[int] = []
    n_correct = torch.zeros((), dtype=torch.int64, device=split.labels.device)
    for images, labels in epoch_batches(split, config, seed, epoch):
        found = compute(model, optimizer, hooks.augment(images), labels, config.precision)
        hooks.after_backward()
        optimizer.step()
        hooks.after_step()
        losses.append(found.loss)
        weights.append(len(labels))
        n_correct += found.n_correct
        yield
    # One transfer at the end of the epoch: looking at each loss would stall an accelerator.
    values = torch.stack(losses).cpu().double()
    bad = (~torch.isfinite(values)).nonzero()
    if len(bad):
        step = epoch * len(losses) + int(bad[0]) + 1
        raise UserError(
            f"the loss is {float(values[bad[0]])} at step {step} (epoch {epoch + 1}, batch "
            f"{int(bad[0]) + 1}): lower the learning rate; epochs that were finished are kept"
        )
    mean = float((values * torch.tensor(weights)).sum() / sum(weights))
    return Score(mean, int(n_correct), sum(weights))


def fit(
    trainee: Trainee,
    splits: DeviceSplits,
    config: TrainingConfig,
    seed: int,
    *,
    hooks: Hooks | None = None,
    on_epoch: Callable[[Row, float], None] = nothing,
) -> None:
    """Train to the last epoch, from wherever the trainee stands.

    Parameters
    ----------
    trainee : Trainee
        Altered in place.
    splits : DeviceSplits
        The data; validation and test are evaluated after every epoch.
    config : TrainingConfig
        Epochs, batch size, schedule and precision.
    seed : int
        Seed of the run.
    hooks : Hooks, optional
        What is called on the way through an epoch.
    on_epoch : callable
        Called after each epoch with its row and the seconds that its training took.
    """
    finish(fit_steps(trainee, splits, config, seed, hooks=hooks, on_epoch=on_epoch))


def fit_steps(
    trainee: Trainee,
    splits: DeviceSplits,
    config: TrainingConfig,
    seed: int,
    *,
    hooks: Hooks | None = None,
    on_epoch: Callable[[Row, float], None] = nothing,
    compute: Gradients = gradients,
) -> Steps[None]:
    """Train to the last epoch step by step, so that others may take turns.

    Parameters
    ----------
    trainee, splits, config, seed, hooks, on_epoch : object
        As of `fit`.
    compute : Gradients
        Computes the gradients of a batch.

    Returns
    -------
    Steps
        The work; it finds nothing.

    Yields
    ------
    None
        After each step and each evaluated batch.
    """
    for epoch in range(len(trainee.rows), config.epochs):
        started = time.monotonic()
        rate = learning_rate(config, epoch)
        set_learning_rate(trainee.optimizer, rate)
        trained = epoch_steps(trainee, splits.train, config, seed, epoch, hooks or Hooks(), compute)
        scores = {"train": (yield from trained)}
        seconds = time.monotonic() - started
        for name, split in (("validation", splits.validation), ("test", splits.test)):
            scores[name] = yield from evaluation_steps(
                trainee.model, split, precision=config.precision
            )
        row: Row = {"epoch": epoch, "learning_rate": rate}
        for name, score in scores.items():
            row |= {f"{name}_{key}": value for key, value in score._asdict().items()}
        trainee.rows.append(row)
        trainee.elapsed_s += time.monotonic() - started
        on_epoch(row, seconds)
