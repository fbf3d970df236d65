"""Which tensors of a network are weights, and which of them may be pruned."""

from torch import nn

_SPARED = "id_mapping"
"""What the source calls the 1 x 1 convolution of a shortcut."""


def weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """Find the weights of all convolutions and linear layers.

    Parameters
    ----------
    model : nn.Module
        Any network.

    Returns
    -------
    dict of str to Parameter
        Name of the module that holds the weight, such as ``body_op.0.conv1.0.conv``, to the weight
        itself, in the order of the network. Biases and batch normalisation are no weights here.
    """
    return {
        name: module.weight
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }


def prunable(model: nn.Module) -> dict[str, nn.Parameter]:
    """Find the weights that the source prunes.

    Parameters
    ----------
    model : nn.Module
        Any network.

    Returns
    -------
    dict of str to Parameter
        As `weights`, without the convolutions on shortcuts, which are named ``id_mapping``.

    References
    ----------
    Seed 003, Lab 2 (c) to (e): its lists of sparsities name 20 layers of ResNet-20, and their total
    is a share of 268,336 weights, so the 2,560 of ``id_mapping`` are not among them.
    """
    return {name: weight for name, weight in weights(model).items() if _SPARED not in name}
