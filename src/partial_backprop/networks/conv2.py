"""Conv-2: two convolutions and three fully connected layers (seed 004, Table 8)."""

from torch import nn

from partial_backprop.networks.lottery import convolutions_in_pairs

CHANNELS = (64,)
"""Output channels of each pair of convolutions."""


def build(image_shape: tuple[int, int, int], n_classes: int, *, width: float = 1.0) -> nn.Module:
    """Build Conv-2.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height, width; 3 x 32 x 32 in the source. Height and width are multiples of 2.
    n_classes : int
        Number of classes.
    width : float
        Factor on all channels and hidden units, greater than 0; 1 is the source's network.

    Returns
    -------
    nn.Sequential
        The network, 4,301,642 parameters for 3 x 32 x 32 images, 10 classes and width 1; its layers have
        1,728, 36,864, 4,194,304, 65,536 and 2,560 weights.

    References
    ----------
    Seed 004, Table 8; Frankle and Carbin, "The lottery ticket hypothesis: finding sparse, trainable
    neural networks", ICLR 2019, figure 2.
    """
    return convolutions_in_pairs("conv2", image_shape, n_classes, CHANNELS, width)
