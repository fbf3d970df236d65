"""The training loop of all classifiers; what a method does to images, gradients or weights is in `Hooks`."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.history import SCORES, Row, packed
from partial_backprop.training.optimizers import set_learning_rate
from partial_backprop.training.precision import arithmetic, autocast
from partial_backprop.training.seeding import derive

if TYPE_CHECKING:
    from partial_backprop.record import Count
    from partial_backprop.run_config import Precision, TrainingConfig

EVALUATION_BATCH = 500
"""Examples evaluated at once."""


def _nothing(*_: object) -> None: ...


@dataclass(frozen=True)
class Hooks:
    """What is called on the way through an epoch; the defaults do nothing."""

    begin_epoch: Callable[[int], None] = _nothing
    """Called with the epoch from 0 before its first batch."""
    augment: Callable[[Tensor], Tensor] = lambda images: images
    """From a batch of training images to the images to train on."""
    mask_is_due: Callable[[], bool] = lambda: False
    """Whether the next batch's gradients make a mask: it is then computed in float32 in any precision."""
    after_backward: Callable[[], None] = _nothing
    """Called when the gradients are there and the weights not yet updated."""
    after_step: Callable[[], None] = _nothing
    """Called when the optimizer has updated the weights."""


class Score(NamedTuple):
    """Sums over the examples of a split."""

    loss: float
    """Mean cross-entropy per example, in nats."""
    n_correct: int
    n_examples: int
    correct: Tensor | None = None
    """Which ones these are: of shape (N,), boolean, on the processor; None after training."""

    @property
    def count(self) -> "Count":
        """The correct predictions, as a record counts them."""
        from partial_backprop.record import Count

        return Count(n_correct=self.n_correct, n_examples=self.n_examples)


@dataclass
class TrainState:
    """A network in training: all that changes from epoch to epoch."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    rows: list[Row] = field(default_factory=list)
    """The history so far, one row per epoch; the next epoch is its length."""
    elapsed_s: float = 0.0
    """Seconds spent so far, in earlier processes too."""
    test_correct: list[Tensor] = field(default_factory=list)
    """For each row which test images were right, packed eight to a byte."""

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Add the seconds of a block to `elapsed_s`, such as an evaluation beside the epochs."""
        started = time.monotonic()
        yield
        self.elapsed_s += time.monotonic() - started


@dataclass(frozen=True)
class DeviceSplits:
    """The three splits on the device."""

    train: DeviceSplit
    validation: DeviceSplit | None
    """None where nothing is held out."""
    test: DeviceSplit


def fit(
    train_state: TrainState,
    splits: DeviceSplits,
    config: "TrainingConfig",
    seed: int,
    *,
    hooks: Hooks = Hooks(),
    on_epoch: Callable[[Row, float], None] = _nothing,
) -> None:
    """Train to the last epoch, from the epoch that its state has reached."""
    for epoch in range(len(train_state.rows), config.epochs):
        started = time.monotonic()
        rate = config.learning_rate(epoch)
        set_learning_rate(train_state.optimizer, rate)
        scores = {"train": train_epoch(train_state, splits.train, config, seed, epoch, hooks)}
        training_s = time.monotonic() - started
        for name in ("validation", "test"):
            split = getattr(splits, name)
            if split is not None:
                scores[name] = evaluate(train_state.model, split, precision=config.precision)
        row: Row = {"epoch": epoch, "learning_rate": rate}
        for name, score in scores.items():
            row |= {f"{name}_{key}": getattr(score, key) for key in SCORES}
        train_state.rows.append(row)
        train_state.test_correct.append(packed(scores["test"].correct))
        train_state.elapsed_s += time.monotonic() - started
        on_epoch(row, training_s)


def train_epoch(
    train_state: TrainState,
    split: DeviceSplit,
    config: "TrainingConfig",
    seed: int,
    epoch: int,
    hooks: Hooks = Hooks(),
) -> Score:
    """Train one epoch."""
    model, optimizer = train_state.model, train_state.optimizer
    model.train()
    hooks.begin_epoch(epoch)
    losses: list[Tensor] = []
    sizes: list[int] = []
    n_correct = torch.zeros((), dtype=torch.int64, device=split.labels.device)
    # An epoch draws from its own seed, so that a resumed run repeats the uninterrupted one bit for bit.
    torch.manual_seed(derive(seed, "epoch", epoch))
    for images, labels in split.epoch(config.batch_size, seed, epoch):
        # A threshold on gradients must mean the same in every precision.
        precision = "float32" if hooks.mask_is_due() else config.precision
        optimizer.zero_grad(set_to_none=True)
        loss, logits = backward(model, hooks.augment(images), labels, precision)
        hooks.after_backward()
        optimizer.step()
        hooks.after_step()
        losses.append(loss)
        sizes.append(len(labels))
        n_correct += (logits.argmax(1) == labels).sum()
    # One transfer per epoch: reading each loss would stall a GPU.
    values = torch.stack(losses).cpu().double()
    check_finite(values, epoch)
    mean = float((values * torch.tensor(sizes)).sum() / sum(sizes))
    return Score(mean, int(n_correct), sum(sizes))


def backward(
    model: nn.Module, images: Tensor, labels: Tensor, precision: "Precision" = "float32"
) -> tuple[Tensor, Tensor]:
    """Add the gradients of a batch to those that are there."""
    # Shapes: images (batch, channels, height, width), labels (batch,), loss (), logits (batch,
    # classes)
    device = labels.device
    with arithmetic(precision, device):
        with autocast(precision, device):
            logits = model(images)
        loss = F.cross_entropy(logits.float(), labels)
        loss.backward()
    return loss.detach(), logits.detach()


@torch.no_grad()
def evaluate(
    model: nn.Module,
    split: DeviceSplit,
    batch_size: int = EVALUATION_BATCH,
    precision: "Precision" = "float32",
) -> Score:
    """Evaluate a network in evaluation mode, and leave it in the mode in which it was."""
    was_training = model.training
    model.eval()
    device = split.labels.device
    loss = torch.zeros((), dtype=torch.float64, device=device)
    correct: list[Tensor] = []
    for start in range(0, len(split), batch_size):
        images, labels = split.batch(slice(start, start + batch_size))
        with arithmetic(precision, device), autocast(precision, device):
            logits = model(images)
        loss += F.cross_entropy(logits.float(), labels, reduction="sum")
        correct.append(logits.argmax(1) == labels)
    model.train(was_training)
    which = torch.cat(correct).cpu()
    return Score(float(loss) / len(split), int(which.sum()), len(split), which)


def check_finite(losses: Tensor, epoch: int) -> None:
    """Refuse to go on after an epoch in which the loss of a step was no finite number."""
    bad = (~torch.isfinite(losses)).nonzero()
    if len(bad):
        batch = int(bad[0])
        raise UserError(
            f"the loss is {float(losses[batch])} at step {epoch * len(losses) + batch + 1} "
            f"(epoch {epoch + 1}, batch {batch + 1}): lower the learning rate; "
            "epochs that were finished are kept"
        )
