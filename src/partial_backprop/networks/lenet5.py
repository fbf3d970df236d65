"""LeNet-5 with [8, 32] channels (seed 001, section 4.1)."""

from collections import OrderedDict

from torch import Tensor, nn

from partial_backprop.layers.pooling import MaxPool2d
from partial_backprop.networks.scaling import check_image, scaled


class LeNet5(nn.Module):
    """Two convolutions and three fully connected layers.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height and width of the images; height and width are multiples of 4, at least 12.
    n_classes : int
        Size of the output.
    channels : tuple of int
        Output channels of the two 5 x 5 convolutions.
    hidden : tuple of int
        Widths of the two hidden fully connected layers.
    """

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
    """Build LeNet-5.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height, width; 1 x 28 x 28 in the source.
    n_classes : int
        Number of classes.
    width : float
        Factor on all channel counts, greater than 0; 1 is the source's network.

    Returns
    -------
    nn.Module
        The network, 113,774 parameters for 1 x 28 x 28 images, 10 classes and width 1.

    Notes
    -----
    Departures: the source gives the channels, [8, 32], and nothing else. The rest is LeCun's
    network: 28 x 28 images padded to 32 x 32, 5 x 5 kernels, 120 and 84 hidden units; with ReLU
    and max-pooling, as in the PyTorch versions of the source's time.

    References
    ----------
    Seed 001, section 4.1; LeCun et al., "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE, 1998.
    """
    check_image("lenet5", image_shape, multiple=4, at_least=12)
    first, second, *hidden = (scaled(size, width) for size in (8, 32, 120, 84))
    return LeNet5(image_shape, n_classes, (first, second), tuple(hidden))
