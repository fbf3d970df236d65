"""VGG19 with batch normalisation for 32 x 32 images (seed 001, section 4.1)."""

from collections import OrderedDict

from torch import Tensor, nn

from partial_backprop.layers.convolution import Conv2d
from partial_backprop.layers.normalisation import BatchNorm2d
from partial_backprop.layers.pooling import MaxPool2d
from partial_backprop.networks.scaling import check_image, scaled

# Channels of the sixteen convolutions; None is a 2 x 2 max-pooling.
LAYOUT = (64, 64, None, 128, 128, None, *[256] * 4, None, *[512] * 4, None, *[512] * 4, None)


class VGG(nn.Module):
    """3 x 3 convolutions in five stages, and one fully connected layer.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height and width of the images; height and width are multiples of 32.
    n_classes : int
        Size of the output.
    width : float
        Factor on all channel counts.
    layout : tuple of int or None
        Channels of the convolutions; None is a 2 x 2 max-pooling, of which there are five.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_classes: int,
        width: float,
        layout: tuple[int | None, ...],
    ) -> None:
        super().__init__()
        layers: dict[str, nn.Module] = {}
        depth, height, breadth = image_shape
        place = 0
        for entry in layout:
            if entry is None:
                layers[str(place)] = MaxPool2d()
                place += 1
                continue
            channels = scaled(entry, width)
            layers[str(place)] = Conv2d(depth, channels, 3, padding=1)
            layers[str(place + 1)] = BatchNorm2d(channels, rectify=True)
            place += (
                3  # a rectifier of its own had the third place, and gave the weights their names
            )
            depth = channels
        self.features = nn.Sequential(OrderedDict(layers))
        self.classifier = nn.Linear(depth * (height // 32) * (breadth // 32), n_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Compute class scores.

        Parameters
        ----------
        images : Tensor of shape (batch, channels, height, width)
            Normalised images.

        Returns
        -------
        Tensor of shape (batch, n_classes)
            Logits.
        """
        return self.classifier(self.features(images).flatten(1))


def build(image_shape: tuple[int, int, int], n_classes: int, *, width: float = 1.0) -> nn.Module:
    """Build VGG19 with batch normalisation.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height, width; 3 x 32 x 32 in the source.
    n_classes : int
        Number of classes.
    width : float
        Factor on all channel counts, greater than 0; 1 is the source's network.

    Returns
    -------
    nn.Module
        The network, 20,040,522 parameters for 3 x 32 x 32 images, 10 classes and width 1.

    References
    ----------
    Seed 001, section 4.1; Simonyan and Zisserman, "Very deep convolutional networks for
    large-scale image recognition", ICLR 2015.
    """
    check_image("vgg19", image_shape, multiple=32, at_least=32)
    return VGG(image_shape, n_classes, width, LAYOUT)
