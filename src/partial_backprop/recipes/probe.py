"""Gradients in the epoch of the mask, the first one after the shared epochs; nothing is updated."""

import torch
from torch import Tensor, nn

from partial_backprop.recipes.setting import Setting
from partial_backprop.run_config import RunConfig
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.loop import backward
from partial_backprop.training.seeding import derive, shuffled


def first_gradients(setting: Setting, config: RunConfig) -> dict[str, Tensor]:
    """Back-propagate the first batch of the next epoch, and update nothing.

    Parameters
    ----------
    setting : Setting
        A trainee as the trunk left it; batch statistics move, as they do in training.
    config : RunConfig
        Batch size and seed.

    Returns
    -------
    dict of str to Tensor
        Parameter name to its gradient, the very one that makes an arm's mask.

    References
    ----------
    Seed 001, section 3.2: "the first batch of the third epoch".
    """
    trainee = setting.trainee
    epoch = EpochGradients(trainee.model, setting.splits.train, config.seed, len(trainee.rows))
    return epoch.of(0, config.training.batch_size)


class EpochGradients:
    """Gradients on any images of an epoch, in its order.

    Parameters
    ----------
    model : nn.Module
        The network as the epoch found it; batch statistics move, weights do not.
    split : DeviceSplit
        The training set.
    seed : int
        Seed of the run.
    epoch : int
        The epoch, from 0.
    """

    def __init__(self, model: nn.Module, split: DeviceSplit, seed: int, epoch: int) -> None:
        self.epoch, self.n_images = epoch, len(split)
        self._model, self._split, self._seed = model, split, seed
        self._order = shuffled(self.n_images, seed, epoch)

    def of(self, start: int, n: int) -> dict[str, Tensor]:
        """Back-propagate a batch.

        Parameters
        ----------
        start, n : int
            Where it begins in the epoch's order, and how many images it has.

        Returns
        -------
        dict of str to Tensor
            Parameter name to its gradient: a tensor of its own, float32 in any precision, so that a
            threshold means the same everywhere.
        """
        chosen = self._order[start : start + n].to(self._split.labels.device)
        images, labels = self._split.batch(chosen)
        self._model.train()
        self._model.zero_grad(set_to_none=True)
        torch.manual_seed(derive(self._seed, "epoch", self.epoch))
        with torch.enable_grad():
            backward(self._model, images, labels)
        named = self._model.named_parameters()
        return {name: parameter.grad for name, parameter in named if parameter.grad is not None}
