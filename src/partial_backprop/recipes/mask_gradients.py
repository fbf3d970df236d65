"""Gradients in the epoch of the mask, the first after the warm-up; nothing is updated."""

import torch
from torch import Tensor, nn

from partial_backprop.freezing.criterion import Gradients, transposed_weights
from partial_backprop.recipes.context import TrainingContext
from partial_backprop.run_config import RunConfig
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.loop import backward
from partial_backprop.training.seeding import derive, shuffled


def first_gradients(context: TrainingContext, config: RunConfig) -> dict[str, Tensor]:
    """Back-propagate the first batch of the next epoch, and update nothing."""
    # Source: pb2020, section 3.2: "the first batch of the third epoch"
    train_state = context.train_state
    epoch = EpochGradients(
        train_state.model, context.splits.train, config.seed, len(train_state.rows)
    )
    return epoch.of(0, config.training.batch_size)


class EpochGradients:
    """Gradients on any images of an epoch, in its order."""

    def __init__(self, model: nn.Module, split: DeviceSplit, seed: int, epoch: int) -> None:
        self.epoch, self.n_images = epoch, len(split)
        self._model, self._split, self._seed = model, split, seed
        self._order = shuffled(self.n_images, seed, epoch)

    def of(self, start: int, n: int) -> Gradients:
        """Back-propagate a batch."""
        chosen = self._order[start : start + n].to(self._split.labels.device)
        images, labels = self._split.batch(chosen)
        self._model.train()
        self._model.zero_grad(set_to_none=True)
        torch.manual_seed(derive(self._seed, "epoch", self.epoch))
        with torch.enable_grad():
            backward(self._model, images, labels)
        named = dict(self._model.named_parameters())
        gradients = {name: p.grad for name, p in named.items() if p.grad is not None}
        return Gradients(gradients, transposed_weights(self._model), weights=named)
