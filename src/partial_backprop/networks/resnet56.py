"""ResNet-56 for 32 x 32 images (dessilbi2020, Tables 2 to 5)."""

from torch import nn

from partial_backprop.networks import resnet110


def build(
    image_shape: tuple[int, int, int], n_classes: int, *, depth: int = 56, width: float = 1.0
) -> nn.Module:
    """Build ResNet-56 or a smaller one of the family."""
    # *Departures.* The source names the network only. Shortcuts are those without weights, with
    # which He et al. trained on CIFAR-10.
    # Source: dessilbi2020, Tables 2 to 5; He et al., "Deep residual learning for image
    # recognition", CVPR 2016, section 4.2
    # `depth`: layers with weights, 6 n + 2 with n >= 1; 56 (27 blocks) is the source's network
    # `width`: factor on all channel counts, greater than 0; 1 is the source's network
    return resnet110.build(image_shape, n_classes, depth=depth, width=width)
