"""DenseNet-121 with growth rate 12 for CIFAR-10 (pb2020, section 4.1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partial_backprop.layers.convolution import Conv2d
from partial_backprop.layers.normalisation import BatchNorm2d
from partial_backprop.networks.scaling import check_image


class Bottleneck(nn.Module):
    """A 1 x 1 and a 3 x 3 convolution whose output joins the input."""

    def __init__(self, n_in: int, growth: int) -> None:
        super().__init__()
        self.bn1 = BatchNorm2d(n_in, rectify=True)
        self.conv1 = Conv2d(n_in, 4 * growth, 1, bias=False)
        self.bn2 = BatchNorm2d(4 * growth, rectify=True)
        self.conv2 = Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Put the new channels in front of the old ones."""
        # Shapes: features (batch, n_in, height, width), result (batch, growth + n_in, height,
        # width)
        new, features = self.bn1.beside(features)
        new = self.conv1(new)
        new = self.conv2(self.bn2(new))
        return torch.cat([new, features], 1)


class Transition(nn.Module):
    """Halve channels and resolution between two dense blocks."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.bn = BatchNorm2d(n_in, rectify=True)
        self.conv = Conv2d(n_in, n_out, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Compress and pool."""
        # Shapes: features (batch, n_in, height, width), result (batch, n_out, height / 2, width /
        # 2)
        return F.avg_pool2d(self.conv(self.bn(features)), 2)


class CifarDenseNet(nn.Module):
    """Dense blocks with transitions between them, and one fully connected layer."""

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_classes: int,
        blocks: tuple[int, ...],
        growth: int,
    ) -> None:
        super().__init__()
        channels = 2 * growth
        layers: list[nn.Module] = [Conv2d(image_shape[0], channels, 3, padding=1, bias=False)]
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
        """Compute class scores."""
        # Shapes: images (batch, channels, height, width), result (batch, n_classes)
        features = self.bn(self.features(images))
        return self.fc(torch.mean(features, dim=(2, 3)))


def build(
    image_shape: tuple[int, int, int],
    n_classes: int,
    *,
    # Channels that each bottleneck adds, at least 1; 12 in the source
    growth: int = 12,
    # Bottlenecks in each dense block; (6, 12, 24, 16) is the source's network
    blocks: tuple[int, ...] = (6, 12, 24, 16),
) -> nn.Module:
    """Build DenseNet-121 with a small growth rate."""
    # The last pooling averages over all positions, 4 x 4 in the source, so that other image sizes
    # work too
    # Source: pb2020, section 4.1; Huang et al., "Densely connected convolutional networks", CVPR
    # 2017 (bottlenecks of 4 growth, compression 0.5)
    check_image("densenet121", image_shape, multiple=2 ** (len(blocks) - 1), at_least=8)
    if growth < 1 or not blocks or min(blocks) < 1:
        raise ValueError(f"growth and blocks must be at least 1, got {growth} and {blocks}")
    return CifarDenseNet(image_shape, n_classes, tuple(blocks), growth)
