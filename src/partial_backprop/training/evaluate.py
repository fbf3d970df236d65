"""Loss and correct predictions of a network on a split."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from partial_backprop.record import Count
from partial_backprop.training.batches import DeviceSplit


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


@torch.no_grad()
def evaluate(model: nn.Module, split: DeviceSplit, batch_size: int = 500) -> Score:
    """Evaluate a network in evaluation mode.

    Parameters
    ----------
    model : nn.Module
        The network; it is left in the mode in which it was.
    split : DeviceSplit
        What to evaluate on.
    batch_size : int
        Examples at once.

    Returns
    -------
    Score
        Mean loss and number of correct predictions.
    """
    was_training = model.training
    model.eval()
    loss = torch.zeros((), dtype=torch.float64, device=split.labels.device)
    n_correct = torch.zeros((), dtype=torch.int64, device=split.labels.device)
    for start in range(0, len(split), batch_size):
        images, labels = split.batch(slice(start, start + batch_size))
        logits = model(images)
        loss += F.cross_entropy(logits, labels, reduction="sum")
        n_correct += (logits.argmax(1) == labels).sum()
    model.train(was_training)
    return Score(float(loss) / len(split), int(n_correct), len(split))
