"""The gradients of one batch."""

from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partial_backprop.run_config import Precision
from partial_backprop.training.precision import arithmetic, autocast


class Outcome(NamedTuple):
    """What a batch tells besides its gradients."""

    loss: Tensor
    """Mean cross-entropy of its examples, in nats; of shape ()."""
    n_correct: Tensor
    """Correct predictions; of shape ()."""


def backward(
    model: nn.Module, images: Tensor, labels: Tensor, precision: Precision = "float32"
) -> Outcome:
    """Add the gradients of a batch to those that are there.

    Parameters
    ----------
    model : nn.Module
        The network; its ``grad`` are altered.
    images : Tensor of shape (batch, channels, height, width)
        What to train on.
    labels : Tensor of shape (batch,)
        Class indices.
    precision : {"float32", "tf32", "bf16"}
        How the network computes.

    Returns
    -------
    Outcome
        Loss and correct predictions, without a way back to the weights.
    """
    device = labels.device
    with arithmetic(precision, device):
        with autocast(precision, device):
            logits = model(images)
        loss = F.cross_entropy(logits.float(), labels)
        loss.backward()
    return Outcome(loss.detach(), (logits.detach().argmax(1) == labels).sum())


class Gradients(Protocol):
    """A way to put the gradients of a batch into a network, in place of those that are there."""

    def __call__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        images: Tensor,
        labels: Tensor,
        precision: Precision,
    ) -> Outcome:
        """Compute them.

        Parameters
        ----------
        model : nn.Module
            The network.
        optimizer : torch.optim.Optimizer
            Its optimizer.
        images : Tensor of shape (batch, channels, height, width)
            What to train on.
        labels : Tensor of shape (batch,)
            Class indices.
        precision : {"float32", "tf32", "bf16"}
            How the network computes.

        Returns
        -------
        Outcome
            Loss and correct predictions.
        """


def gradients(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    precision: Precision,
) -> Outcome:
    """Compute the gradients of a batch, kernel by kernel: the `Gradients` that always work.

    Parameters
    ----------
    model : nn.Module
        The network.
    optimizer : torch.optim.Optimizer
        Its optimizer, whose parameters' old gradients are forgotten.
    images : Tensor of shape (batch, channels, height, width)
        What to train on.
    labels : Tensor of shape (batch,)
        Class indices.
    precision : {"float32", "tf32", "bf16"}
        How the network computes.

    Returns
    -------
    Outcome
        Loss and correct predictions.
    """
    optimizer.zero_grad(set_to_none=True)
    return backward(model, images, labels, precision)
