"""LeNet-3: three fully connected layers, 300 and 100 hidden units (dessilbi2020, Table 7)."""

from collections import OrderedDict

from torch import nn

from partial_backprop.networks.scaling import check_image, scaled

HIDDEN = (300, 100)
"""Units of the two hidden layers."""


def build(image_shape: tuple[int, int, int], n_classes: int, *, width: float = 1.0) -> nn.Module:
    """Build LeNet-3."""
    # *Departures.* The source prints the numbers of weights; they are those of LeNet-300-100. ReLU
    # is ours.
    # Source: dessilbi2020, Table 7; LeCun et al., "Gradient-based learning applied to document
    # recognition", Proceedings of the IEEE, 1998, section III.C.3
    # `width`: factor on both numbers of hidden units, greater than 0; 1 is the source's network
    check_image("lenet3", image_shape, multiple=4, at_least=4)
    depth, height, breadth = image_shape
    first, second = (scaled(size, width) for size in HIDDEN)
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(depth * height * breadth, first),
            relu1=nn.ReLU(),
            fc2=nn.Linear(first, second),
            relu2=nn.ReLU(),
            fc3=nn.Linear(second, n_classes),
        )
    )
