"""VGG16 with batch normalisation for 32 x 32 images (dessilbi2020, Tables 2 to 5)."""

from torch import nn

from partial_backprop.networks.scaling import check_image
from partial_backprop.networks.vgg19 import VGG

# Channels of the thirteen convolutions; None is a 2 x 2 max-pooling.
LAYOUT = (64, 64, None, 128, 128, None, *[256] * 3, None, *[512] * 3, None, *[512] * 3, None)


def build(image_shape: tuple[int, int, int], n_classes: int, *, width: float = 1.0) -> nn.Module:
    """Build VGG16 with batch normalisation."""
    # *Departures.* The source names the network only. Batch normalisation and one fully connected
    # layer are what it usually has for CIFAR-10.
    # Source: dessilbi2020, Tables 2 to 5; Simonyan and Zisserman, "Very deep convolutional networks
    # for large-scale image recognition", ICLR 2015
    # `width`: factor on all channel counts, greater than 0; 1 is the source's network
    check_image("vgg16", image_shape, multiple=32, at_least=32)
    return VGG(image_shape, n_classes, width, LAYOUT)
