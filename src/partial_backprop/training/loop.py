"""The training loop: one for all recipes, with a few hooks.

What a method does to images, gradients or weights hangs on ``augment``, ``after_backward`` and
``after_step``; the loop itself knows of no method.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.run_config import TrainingConfig
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.evaluate import Score, evaluate
from partial_backprop.training.history import Row
from partial_backprop.training.optimizers import learning_rate, set_learning_rate
from partial_backprop.training.seeding import derive


def _as_they_are(images: Tensor) -> Tensor:
    """Return the images; the transform of a training without augmentation.

    Parameters
    ----------
    images : Tensor
        A batch.

    Returns
    -------
    Tensor
        The same.
    """
    return images


def _nothing(*_: object) -> None:
    """Do nothing; the hook of a method that needs none here.

    Parameters
    ----------
    *_ : object
        Whatever the hook is called with.
    """


@dataclass(frozen=True)
class Hooks:
    """What is called on the way through an epoch.

    Parameters
    ----------
    begin_epoch : callable
        Called with the epoch from 0 before its first batch.
    augment : callable
        Called with each batch of training images; returns those to train on.
    after_backward : callable
        Called when the gradients are there and the weights not yet updated.
    after_step : callable
        Called when the optimizer has updated the weights.
    """

    begin_epoch: Callable[[int], None] = _nothing
    augment: Callable[[Tensor], Tensor] = _as_they_are
    after_backward: Callable[[], None] = _nothing
    after_step: Callable[[], None] = _nothing


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
        Batch size.
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
    model, optimizer = trainee.model, trainee.optimizer
    model.train()
    hooks.begin_epoch(epoch)
    losses: list[Tensor] = []
    weights: list[int] = []
    n_correct = torch.zeros((), dtype=torch.int64, device=split.labels.device)
    for images, labels in epoch_batches(split, config, seed, epoch):
        optimizer.zero_grad(set_to_none=True)
        logits = model(hooks.augment(images))
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        hooks.after_backward()
        optimizer.step()
        hooks.after_step()
        losses.append(loss.detach())
        weights.append(len(labels))
        n_correct += (logits.detach().argmax(1) == labels).sum()
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
    on_epoch: Callable[[Row, float], None] = _nothing,
) -> None:
    """Train to the last epoch, from wherever the trainee stands.

    Parameters
    ----------
    trainee : Trainee
        Altered in place.
    splits : DeviceSplits
        The data; validation and test are evaluated after every epoch.
    config : TrainingConfig
        Epochs, batch size and schedule.
    seed : int
        Seed of the run.
    hooks : Hooks, optional
        What is called on the way through an epoch.
    on_epoch : callable
        Called after each epoch with its row and the seconds that its training took.
    """
    for epoch in range(len(trainee.rows), config.epochs):
        started = time.monotonic()
        rate = learning_rate(config, epoch)
        set_learning_rate(trainee.optimizer, rate)
        scores = {
            "train": train_epoch(trainee, splits.train, config, seed, epoch, hooks or Hooks())
        }
        seconds = time.monotonic() - started
        scores["validation"] = evaluate(trainee.model, splits.validation)
        scores["test"] = evaluate(trainee.model, splits.test)
        row: Row = {"epoch": epoch, "learning_rate": rate}
        for split, score in scores.items():
            row |= {f"{split}_{key}": value for key, value in score._asdict().items()}
        trainee.rows.append(row)
        trainee.elapsed_s += time.monotonic() - started
        on_epoch(row, seconds)
