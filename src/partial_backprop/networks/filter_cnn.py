"""The convolutional network whose filters are pruned (pruning_logs, filter pruning)."""

from collections import OrderedDict

from torch import nn

from partial_backprop.layers.convolution import Conv2d
from partial_backprop.networks.scaling import check_image, scaled

CHANNELS = (64, 128, 256)
"""Output channels of the three convolutions."""

HIDDEN = 4096
"""Units of the hidden fully connected layer."""


def build(image_shape: tuple[int, int, int], n_classes: int, *, width: float = 1.0) -> nn.Module:
    """Build the network."""
    # *Departures.* The source prints the names and sizes of its weights and nothing else.
    # Convolutions of 3 x 3 without bias, each followed by ReLU and 2 x 2 max-pooling, are what
    # makes these sizes: 256 channels of 4 x 4 pixels are the 4096 inputs of ``fc1``.
    # Source: pruning_logs, "Sparse weight by layer"
    # `width`: factor on all channel counts, greater than 0; 1 is the source's network
    check_image("filter_cnn", image_shape, multiple=8, at_least=8)
    depth, height, breadth = image_shape
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for stage, size in enumerate(CHANNELS, start=1):
        channels = scaled(size, width)
        layers[f"conv{stage}_1"] = Conv2d(depth, channels, 3, padding=1, bias=False)
        layers[f"relu{stage}"] = nn.ReLU()
        layers[f"pool{stage}"] = nn.MaxPool2d(2)
        depth = channels
    hidden = scaled(HIDDEN, width)
    layers["flatten"] = nn.Flatten()
    layers["fc1"] = nn.Linear(depth * (height // 8) * (breadth // 8), hidden)
    layers["relu4"] = nn.ReLU()
    layers["fc2"] = nn.Linear(hidden, n_classes)
    return nn.Sequential(layers)
