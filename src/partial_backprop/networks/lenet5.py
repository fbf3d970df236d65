"""LeNet-5 with [8, 32] channels (pb2020, section 4.1)."""

from collections import OrderedDict

from torch import Tensor, nn

from partial_backprop.layers.pooling import MaxPool2d
from partial_backprop.networks.scaling import check_image, scaled


class LeNet5(nn.Module):
    """Two convolutions and three fully connected layers."""

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_classes: int,
        channels: tuple[int, int],
        hidden: tuple[int, int],
    ) -> None:
        super().__init__()
        depth, height, width = image_shape
        first, second = channels
        rows, columns = (height // 2 - 4) // 2, (width // 2 - 4) // 2
        # Pooled first and then rectified: the same values and gradients for a quarter of the work.
        # Places 2 and 5 were rectifiers of their own; the names of the weights stay.
        layers = {
            "0": nn.Conv2d(depth, first, 5, padding=2),
            "1": MaxPool2d(rectify=True),
            "3": nn.Conv2d(first, second, 5),
            "4": MaxPool2d(rectify=True),
        }
        self.features = nn.Sequential(OrderedDict(layers))
        self.classifier = nn.Sequential(
            nn.Linear(second * rows * columns, hidden[0]),
            nn.ReLU(),
            nn.Linear(hidden[0], hidden[1]),
            nn.ReLU(),
            nn.Linear(hidden[1], n_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Compute class scores."""
        # Shapes: images (batch, channels, height, width), result (batch, n_classes)
        return self.classifier(self.features(images).flatten(1))


def build(image_shape: tuple[int, int, int], n_classes: int, *, width: float = 1.0) -> nn.Module:
    """Build LeNet-5."""
    # Departures: the source gives the channels, [8, 32], and nothing else. The rest is LeCun's
    # network: 28 x 28 images padded to 32 x 32, 5 x 5 kernels, 120 and 84 hidden units; with ReLU
    # and max-pooling, as in the PyTorch versions of the source's time.
    # Source: pb2020, section 4.1; LeCun et al., "Gradient-based learning applied to document
    # recognition", Proceedings of the IEEE, 1998
    # `width`: factor on all channel counts, greater than 0; 1 is the source's network
    check_image("lenet5", image_shape, multiple=4, at_least=12)
    first, second, *hidden = (scaled(size, width) for size in (8, 32, 120, 84))
    return LeNet5(image_shape, n_classes, (first, second), tuple(hidden))
