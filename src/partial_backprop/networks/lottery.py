"""What Conv-2 and Conv-4, the small networks of the lottery-ticket hypothesis, have in common."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from partial_backprop.layers.convolution import Conv2d
from partial_backprop.networks.scaling import check_image, scaled

HIDDEN = (256, 256)
"""Units of the two hidden fully connected layers."""


def convolutions_in_pairs(
    name: str,
    image_shape: tuple[int, int, int],
    n_classes: int,
    channels: Sequence[int],
    width: float,
) -> nn.Sequential:
    """Build pairs of 3 x 3 convolutions, each pair before a pooling, and three linear layers."""
    # *Departures.* Initial weights are torch's own; Frankle and Carbin draw Glorot's
    # Source: Frankle and Carbin, "The lottery ticket hypothesis: finding sparse, trainable neural
    # networks", ICLR 2019, figure 2
    check_image(name, image_shape, multiple=2 ** len(channels), at_least=2 ** len(channels))
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    depth, height, breadth = image_shape
    for pair, size in enumerate(channels, start=1):
        for number in (2 * pair - 1, 2 * pair):
            layers[f"conv{number}"] = Conv2d(depth, scaled(size, width), 3, padding=1)
            layers[f"relu{number}"] = nn.ReLU()
            depth = scaled(size, width)
        layers[f"pool{pair}"] = nn.MaxPool2d(2)
        height, breadth = height // 2, breadth // 2
    layers["flatten"] = nn.Flatten()
    n_in = depth * height * breadth
    for number, size in enumerate(HIDDEN, start=1):
        layers[f"fc{number}"] = nn.Linear(n_in, scaled(size, width))
        layers[f"fc{number}_relu"] = nn.ReLU()
        n_in = scaled(size, width)
    layers["fc3"] = nn.Linear(n_in, n_classes)
    return nn.Sequential(layers)
