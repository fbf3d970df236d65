"""Conv-2: two convolutions and three fully connected layers (dessilbi2020, Table 8)."""

from torch import nn

from partial_backprop.networks.lottery import convolutions_in_pairs

CHANNELS = (64,)
"""Output channels of each pair of convolutions."""


def build(image_shape: tuple[int, int, int], n_classes: int, *, width: float = 1.0) -> nn.Module:
    """Build Conv-2."""
    # Source: dessilbi2020, Table 8; Frankle and Carbin, "The lottery ticket hypothesis: finding
    # sparse, trainable neural networks", ICLR 2019, figure 2
    # `width`: factor on all channels and hidden units, greater than 0; 1 is the source's network
    return convolutions_in_pairs("conv2", image_shape, n_classes, CHANNELS, width)
