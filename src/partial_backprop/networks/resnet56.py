"""ResNet-56 for 32 x 32 images (seed 004, Tables 2 to 5)."""

from torch import nn

from partial_backprop.networks import resnet110


def build(
    image_shape: tuple[int, int, int], n_classes: int, *, depth: int = 56, width: float = 1.0
) -> nn.Module:
    """Build ResNet-56 or a smaller one of the family.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height, width; 3 x 32 x 32 in the source.
    n_classes : int
        Number of classes.
    depth : int
        Layers with weights, 6 n + 2 with n >= 1; 56 (27 blocks) is the source's network.
    width : float
        Factor on all channel counts, greater than 0; 1 is the source's network.

    Returns
    -------
    nn.Module
        The network, 853,018 parameters for 3 x 32 x 32 images and 10 classes by default.

    Notes
    -----
    *Departures.* The source names the network only. Shortcuts are those without weights, with which
    He et al. trained on CIFAR-10.

    References
    ----------
    Seed 004, Tables 2 to 5; He et al., "Deep residual learning for image recognition", CVPR 2016,
    section 4.2.
    """
    return resnet110.build(image_shape, n_classes, depth=depth, width=width)
