"""VGG19 with batch normalisation for 32 x 32 images (pb2020, section 4.1)."""

from collections import OrderedDict

from torch import Tensor, nn

from partial_backprop.layers.convolution import Conv2d
from partial_backprop.layers.normalisation import BatchNorm2d
from partial_backprop.layers.pooling import MaxPool2d
from partial_backprop.networks.scaling import check_image, scaled

# Channels of the sixteen convolutions; None is a 2 x 2 max-pooling.
LAYOUT = (64, 64, None, 128, 128, None, *[256] * 4, None, *[512] * 4, None, *[512] * 4, None)


class VGG(nn.Module):
    """3 x 3 convolutions in five stages, and one fully connected layer."""

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
        """Compute class scores."""
        # Shapes: images (batch, channels, height, width), result (batch, n_classes)
        return self.classifier(self.features(images).flatten(1))


def build(image_shape: tuple[int, int, int], n_classes: int, *, width: float = 1.0) -> nn.Module:
    """Build VGG19 with batch normalisation."""
    # Source: pb2020, section 4.1; Simonyan and Zisserman, "Very deep convolutional networks for
    # large-scale image recognition", ICLR 2015
    # `width`: factor on all channel counts, greater than 0; 1 is the source's network
    check_image("vgg19", image_shape, multiple=32, at_least=32)
    return VGG(image_shape, n_classes, width, LAYOUT)
