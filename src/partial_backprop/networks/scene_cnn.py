"""A small convolutional network for drawn scenes, whose last feature map can be attended to."""

import torch
from torch import Tensor, nn

from partial_backprop.layers.convolution import Conv2d
from partial_backprop.layers.normalisation import BatchNorm2d
from partial_backprop.layers.pooling import MaxPool2d
from partial_backprop.networks.scaling import check_image, scaled

CHANNELS = (24, 48, 96)
"""Of the convolutions that a pooling follows, which halves the resolution."""


def _convolution(n_in: int, n_out: int) -> list[nn.Module]:
    return [
        Conv2d(n_in, n_out, 3, padding=1, bias=False),
        BatchNorm2d(n_out, rectify=True),
    ]


class SceneCnn(nn.Module):
    """Four convolutions, three of them pooled, and the mean of their map before a linear layer."""

    def __init__(self, n_in: int, n_classes: int, width: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for size in CHANNELS:
            n_out = scaled(size, width)
            layers += [*_convolution(n_in, n_out), MaxPool2d()]
            n_in = n_out
        self.layers = nn.Sequential(*layers, *_convolution(n_in, n_in))
        self.classifier = nn.Linear(n_in, n_classes)

    def features(self, images: Tensor) -> Tensor:
        """Compute the last feature map."""
        # Shapes: images (batch, channels, height, width), result (batch, 96 * width, height / 8,
        # width / 8)
        return self.layers(images)

    def forward(self, images: Tensor) -> Tensor:
        """Compute class scores."""
        # Shapes: images (batch, channels, height, width), result (batch, n_classes)
        return self.classifier(torch.mean(self.features(images), dim=(2, 3)))


def build(image_shape: tuple[int, int, int], n_classes: int, *, width: float = 1.0) -> nn.Module:
    """Build the network."""
    # It is our own, no source's: it takes the place of an encoder pretrained on ImageNet where
    # nothing is to be downloaded. It is trained to name shapes of any colour, and yet its features
    # must tell colours; with strides in the place of max-pooling, in one trial, they told fewer.
    # `width`: factor on all channel counts, greater than 0
    check_image("scene_cnn", image_shape, multiple=8, at_least=8)
    return SceneCnn(image_shape[0], n_classes, width)
