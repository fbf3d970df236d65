"""Gradients on the batch that makes the mask: the first one after the shared epochs."""

import torch
from torch import Tensor

from partial_backprop.recipes.setting import Setting
from partial_backprop.run_config import RunConfig
from partial_backprop.training.loop import backward
from partial_backprop.training.seeding import derive


def first_gradients(setting: Setting, config: RunConfig) -> dict[str, Tensor]:
    """Back-propagate the first batch of the next epoch, and update nothing.

    Parameters
    ----------
    setting : Setting
        A trainee as the trunk left it; batch statistics move, as they do in training.
    config : RunConfig
        Batch size and seed; the gradients are float32 in any precision.

    Returns
    -------
    dict of str to Tensor
        Parameter name to its gradient, the very one that an arm's first step sees.

    References
    ----------
    Seed 001, section 3.2: "the first batch of the third epoch".
    """
    model = setting.trainee.model
    model.train()
    epoch = len(setting.trainee.rows)
    torch.manual_seed(derive(config.seed, "epoch", epoch))
    batches = setting.splits.train.epoch(config.training.batch_size, config.seed, epoch)
    images, labels = next(batches)
    model.zero_grad(set_to_none=True)
    with torch.enable_grad():
        backward(model, images, labels)
    return {
        name: parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
