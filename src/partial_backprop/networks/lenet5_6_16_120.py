"""LeNet-5 of three convolutions with 6, 16 and 120 channels, as dessilbi2020's public code has it."""

from collections import OrderedDict

from torch import nn

from partial_backprop.layers.pooling import MaxPool2d
from partial_backprop.networks.scaling import check_image, scaled


def build(image_shape: tuple[int, int, int], n_classes: int, *, width: float = 1.0) -> nn.Module:
    """Build LeNet-5."""
    # Source: dessilbi2020, Table 1; its authors' public code, ``example/train/lenet.py``; LeCun et
    # al., "Gradient-based learning applied to document recognition", Proceedings of the IEEE, 1998
    # `width`: factor on all channels and hidden units, greater than 0; 1 is the source's network
    check_image("lenet5_6_16_120", image_shape, multiple=4, at_least=28)
    depth, height, breadth = image_shape
    first, second, third, hidden = (scaled(size, width) for size in (6, 16, 120, 84))
    n_pixels = ((height // 2 - 4) // 2 - 4) * ((breadth // 2 - 4) // 2 - 4)
    # Pooled first and then rectified: the same values and gradients for a quarter of the work.
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(depth, first, 5, padding=2),
            pool1=MaxPool2d(rectify=True),
            conv2=nn.Conv2d(first, second, 5),
            pool2=MaxPool2d(rectify=True),
            conv3=nn.Conv2d(second, third, 5),
            relu3=nn.ReLU(),
            flatten=nn.Flatten(),
            fc1=nn.Linear(third * n_pixels, hidden),
            relu4=nn.ReLU(),
            fc2=nn.Linear(hidden, n_classes),
        )
    )
