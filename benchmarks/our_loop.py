"""Our training loop on drawn pictures, beside `plain_loop`."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.plain_loop import THRESHOLD
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.run_config import OptimizerConfig, Precision, TrainingConfig
from partial_backprop.training import optimizers
from partial_backprop.training.backward import Gradients, gradients
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.loop import Hooks, Score, Trainee, epoch_steps
from partial_backprop.training.turns import Lane, Steps, finish, take_turns

N_CLASSES = 10
MEAN, STD = 0.5, 0.25
LEARNING_RATE = 1e-3


class Images(NamedTuple):
    """Random pictures with random labels."""

    images: np.ndarray
    labels: np.ndarray


def pictures(shape: tuple[int, int, int], n: int, seed: int = 0) -> Images:
    """Draw pictures.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width.
    n : int
        How many.
    seed : int
        Of the generator.

    Returns
    -------
    Images
        Bytes and class indices.
    """
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (n, *shape), dtype=np.uint8)
    return Images(pixels, random.integers(0, N_CLASSES, n, dtype=np.int64))


class Ours(NamedTuple):
    """A training of ours, with partial backpropagation from the first step on."""

    trainee: Trainee
    split: DeviceSplit
    config: TrainingConfig
    hooks: Hooks

    def steps(self, seed: int, epoch: int, compute: Gradients = gradients) -> Steps[Score]:
        """Return the steps of an epoch.

        Parameters
        ----------
        seed : int
            Of the order.
        epoch : int
            From 0.
        compute : Gradients
            Computes the gradients of a batch.

        Returns
        -------
        Steps
            The epoch's work.
        """
        return epoch_steps(self.trainee, self.split, self.config, seed, epoch, self.hooks, compute)


def ours(
    model: torch.nn.Module,
    data: Images,
    batch_size: int,
    *,
    mode: str = "strict",
    precision: Precision = "float32",
) -> Ours:
    """Prepare a training of ours.

    Parameters
    ----------
    model : nn.Module
        The network, on its device.
    data : Images
        Training examples.
    batch_size : int
        Examples a step.
    mode : {"strict", "gradient"}
        Of partial backpropagation.
    precision : {"float32", "tf32", "bf16"}
        How the network computes.

    Returns
    -------
    Ours
        All that an epoch needs.
    """
    device = next(model.parameters()).device
    channels = data.images.shape[1]
    split = DeviceSplit.of(data, [MEAN] * channels, [STD] * channels, device)
    config = TrainingConfig(
        batch_size=batch_size,
        optimizer=OptimizerConfig(learning_rate=LEARNING_RATE),
        precision=precision,
    )
    optimizer = optimizers.build(model.parameters(), config.optimizer)
    criterion = {"name": "fixed", "threshold": THRESHOLD, "learning_rate": LEARNING_RATE}
    pb = PartialBackprop(model, optimizer, criterion, start_epoch=0, mode=mode)
    hooks = Hooks(begin_epoch=pb.begin_epoch, after_backward=pb.after_backward)
    return Ours(Trainee(model, optimizer), split, config, hooks)


def one_after_the_other(these: Sequence[Ours]) -> Callable[[], None]:
    """Return what trains each one for one more epoch, one after the other.

    Parameters
    ----------
    these : sequence of Ours
        Trainings; the place of each is its seed.

    Returns
    -------
    callable
        Trains them.
    """
    epochs = iter(range(10**9))

    def way() -> None:
        epoch = next(epochs)
        for seed, one in enumerate(these):
            finish(one.steps(seed, epoch))

    return way


def at_once(these: Sequence[Ours], computing: Sequence[Gradients]) -> Callable[[], None]:
    """Return what trains each one for one more epoch, a step of each in turn.

    Parameters
    ----------
    these : sequence of Ours
        Trainings; the place of each is its seed.
    computing : sequence of Gradients
        Computes the gradients of each one.

    Returns
    -------
    callable
        Trains them.
    """
    epochs = iter(range(10**9))
    lanes = [Lane(one.split.labels.device) for one in these]

    def way() -> None:
        epoch = next(epochs)
        works = [
            one.steps(seed, epoch, compute)
            for seed, (one, compute) in enumerate(zip(these, computing, strict=True))
        ]
        take_turns(works, lanes)

    return way
