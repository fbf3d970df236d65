"""Our training loop on drawn pictures, beside `plain_loop`."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.plain_loop import THRESHOLD
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.run_config import OptimizerConfig, Precision, TrainingConfig
from partial_backprop.training import optimizers
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.loop import Hooks, TrainState, train_epoch

N_CLASSES = 10
MEAN, STD = 0.5, 0.25
LEARNING_RATE = 1e-3


class Images(NamedTuple):
    """Random pictures with random labels."""

    images: np.ndarray
    labels: np.ndarray


def pictures(shape: tuple[int, int, int], n: int, seed: int = 0) -> Images:
    """Draw pictures."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (n, *shape), dtype=np.uint8)
    return Images(pixels, random.integers(0, N_CLASSES, n, dtype=np.int64))


def our_loop(
    model: torch.nn.Module,
    data: Images,
    batch_size: int,
    *,
    mode: str = "strict",
    precision: Precision = "float32",
) -> Callable[[], None]:
    """Prepare a training of ours, with partial backpropagation from the first step on."""
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
    hooks = Hooks(
        begin_epoch=pb.begin_epoch,
        mask_is_due=lambda: pb.mask_is_due,
        after_backward=pb.after_backward,
    )
    train_state, epochs = TrainState(model, optimizer), itertools.count()
    return lambda: train_epoch(train_state, split, config, 0, next(epochs), hooks)
