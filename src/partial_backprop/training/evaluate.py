"""Loss and correct predictions of a network on a split."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partial_backprop.record import Count
from partial_backprop.run_config import Precision
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.precision import arithmetic, autocast
from partial_backprop.training.turns import Steps, finish

BATCH_SIZE = 500
"""Examples at once, where nothing else is said."""


class Score(NamedTuple):
    """Sums over the examples of a split."""

    loss: float
    """Mean cross-entropy per example, in nats."""
    n_correct: int
    n_examples: int

    @property
    def count(self) -> Count:
        """The correct predictions, as a record counts them."""
        return Count(n_correct=self.n_correct, n_examples=self.n_examples)


def evaluate(
    model: nn.Module,
    split: DeviceSplit,
    batch_size: int = BATCH_SIZE,
    precision: Precision = "float32",
) -> Score:
    """Evaluate a network in evaluation mode.

    Parameters
    ----------
    model : nn.Module
        The network; it is left in the mode in which it was.
    split : DeviceSplit
        What to evaluate on.
    batch_size : int
        Examples at once.
    precision : {"float32", "tf32", "bf16"}
        How the network computes; the loss is float32.

    Returns
    -------
    Score
        Mean loss and number of correct predictions.
    """
    return finish(evaluation_steps(model, split, batch_size, precision))


def evaluation_steps(
    model: nn.Module,
    split: DeviceSplit,
    batch_size: int = BATCH_SIZE,
    precision: Precision = "float32",
) -> Steps[Score]:
    """Evaluate a network batch by batch, so that others may take turns.

    Parameters
    ----------
    model : nn.Module
        The network.
    split : DeviceSplit
        What to evaluate on.
    batch_size : int
        Examples at once.
    precision : {"float32", "tf32", "bf16"}
        How the network computes.

    Returns
    -------
    Steps
        The work, which finds what `evaluate` returns.

    Yields
    ------
    None
        After each batch.
    """
    was_training = model.training
    model.eval()
    loss = torch.zeros((), dtype=torch.float64, device=split.labels.device)
    n_correct = torch.zeros((), dtype=torch.int64, device=split.labels.device)
    for start in range(0, len(split), batch_size):
        batch = split.batch(slice(start, start + batch_size))
        batch_loss, batch_correct = _sums(model, *batch, precision)
        loss += batch_loss
        n_correct += batch_correct
        yield
    model.train(was_training)
    return Score(float(loss) / len(split), int(n_correct), len(split))


@torch.no_grad()
def _sums(
    model: nn.Module, images: Tensor, labels: Tensor, precision: Precision
) -> tuple[Tensor, Tensor]:
    device = labels.device
    with arithmetic(precision, device), autocast(precision, device):
        logits = model(images)
    loss = F.cross_entropy(logits.float(), labels, reduction="sum")
    return loss, (logits.argmax(1) == labels).sum()
