"""LeNet-3: three fully connected layers, 300 and 100 hidden units (seed 004, Table 7)."""

from collections import OrderedDict

from torch import nn

from partial_backprop.networks.scaling import check_image, scaled

HIDDEN = (300, 100)
"""Units of the two hidden layers."""


def build(image_shape: tuple[int, int, int], n_classes: int, *, width: float = 1.0) -> nn.Module:
    """Build LeNet-3.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height, width; 1 x 28 x 28 in the source. Height and width are multiples of 4.
    n_classes : int
        Number of classes.
    width : float
        Factor on both numbers of hidden units, greater than 0; 1 is the source's network.

    Returns
    -------
    nn.Sequential
        The network, ``fc1``, ``fc2`` and ``fc3``: for 1 x 28 x 28 images, 10 classes and width 1 they
        have 235,200, 30,000 and 1,000 weights, as the source prints, and 410 biases.

    Notes
    -----
    *Departures.* The source prints the numbers of weights; they are those of LeNet-300-100. ReLU is
    ours.

    References
    ----------
    Seed 004, Table 7; LeCun et al., "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE, 1998, section III.C.3.
    """
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
