"""DenseNet-121 with growth rate 12 for CIFAR-10 (seed 001, section 4.1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partial_backprop.layers.convolution import Conv2d
from partial_backprop.layers.normalisation import BatchNorm2d
from partial_backprop.networks.scaling import check_image


class Bottleneck(nn.Module):
    """A 1 x 1 and a 3 x 3 convolution whose output joins the input.

    Parameters
    ----------
    n_in : int
        Channels before.
    growth : int
        Channels added.
    """

    def __init__(self, n_in: int, growth: int) -> None:
        super().__init__()
        self.bn1 = BatchNorm2d(n_in, rectify=True)
        self.conv1 = nn.Conv2d(n_in, 4 * growth, 1, bias=False)
        self.bn2 = BatchNorm2d(4 * growth, rectify=True)
        self.conv2 = Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Put the new channels in front of the old ones.

        Parameters
        ----------
        features : Tensor of shape (batch, n_in, height, width)
            Input.

        Returns
        -------
        Tensor of shape (batch, growth + n_in, height, width)
            Output.
        """
        new, features = self.bn1.beside(features)
        new = self.conv1(new)
        new = self.conv2(self.bn2(new))
        return torch.cat([new, features], 1)


class Transition(nn.Module):
    """Halve channels and resolution between two dense blocks.

    Parameters
    ----------
    n_in, n_out : int
        Channels before and after.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.bn = BatchNorm2d(n_in, rectify=True)
        self.conv = nn.Conv2d(n_in, n_out, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Compress and pool.

        Parameters
        ----------
        features : Tensor of shape (batch, n_in, height, width)
            Input.

        Returns
        -------
        Tensor of shape (batch, n_out, height / 2, width / 2)
            Output.
        """
        return F.avg_pool2d(self.conv(self.bn(features)), 2)


class CifarDenseNet(nn.Module):
    """Dense blocks with transitions between them, and one fully connected layer.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height and width of the images.
    n_classes : int
        Size of the output.
    blocks : tuple of int
        Bottlenecks in each dense block.
    growth : int
        Channels that each bottleneck adds.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_classes: int,
        blocks: tuple[int, ...],
        growth: int,
    ) -> None:
        super().__init__()
        channels = 2 * growth
        layers: list[nn.Module] = [nn.Conv2d(image_shape[0], channels, 3, padding=1, bias=False)]
        for position, n_bottlenecks in enumerate(blocks):
            for _ in range(n_bottlenecks):
                layers.append(Bottleneck(channels, growth))
                channels += growth
            if position < len(blocks) - 1:
                layers.append(Transition(channels, channels // 2))
                channels //= 2
        self.features = nn.Sequential(*layers)
        self.bn = BatchNorm2d(channels, rectify=True)
        self.fc = nn.Linear(channels, n_classes)

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
        features = self.bn(self.features(images))
        return self.fc(torch.mean(features, dim=(2, 3)))


def build(
    image_shape: tuple[int, int, int],
    n_classes: int,
    *,
    growth: int = 12,
    blocks: tuple[int, ...] = (6, 12, 24, 16),
) -> nn.Module:
    """Build DenseNet-121 with a small growth rate.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height, width; 3 x 32 x 32 in the source.
    n_classes : int
        Number of classes.
    growth : int
        Channels that each bottleneck adds, at least 1; 12 in the source.
    blocks : tuple of int
        Bottlenecks in each dense block; (6, 12, 24, 16) is the source's network.

    Returns
    -------
    nn.Module
        The network, 1,000,618 parameters for 3 x 32 x 32 images and 10 classes by default.

    Raises
    ------
    ValueError
        If the growth rate or a block is not positive.

    Notes
    -----
    The last pooling averages over all positions, 4 x 4 in the source, so that other image sizes
    work too.

    References
    ----------
    Seed 001, section 4.1; Huang et al., "Densely connected convolutional networks", CVPR 2017
    (bottlenecks of 4 growth, compression 0.5).
    """
    check_image("densenet121", image_shape, multiple=2 ** (len(blocks) - 1), at_least=8)
    if growth < 1 or not blocks or min(blocks) < 1:
        raise ValueError(f"growth and blocks must be at least 1, got {growth} and {blocks}")
    return CifarDenseNet(image_shape, n_classes, tuple(blocks), growth)
