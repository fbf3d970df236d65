"""What dessilbi2020's public code for winning tickets calls ResNet-56: bottleneck blocks, 83 layers."""

import torch
from torch import Tensor, nn

from partial_backprop.layers.convolution import Conv2d
from partial_backprop.layers.normalisation import BatchNorm2d
from partial_backprop.networks.scaling import check_image, scaled

EXPANSION = 4
"""Channels that a block puts out for each of those that it convolves."""


class Bottleneck(nn.Module):
    """A 1 x 1, a 3 x 3 and a 1 x 1 convolution, and a shortcut."""

    def __init__(self, n_in: int, n_inner: int, stride: int) -> None:
        super().__init__()
        n_out = EXPANSION * n_inner
        self.conv1 = Conv2d(n_in, n_inner, 1, bias=False)
        self.bn1 = BatchNorm2d(n_inner, rectify=True)
        self.conv2 = Conv2d(n_inner, n_inner, 3, stride=stride, padding=1, bias=False)
        self.bn2 = BatchNorm2d(n_inner, rectify=True)
        self.conv3 = Conv2d(n_inner, n_out, 1, bias=False)
        self.bn3 = BatchNorm2d(n_out, rectify=True)
        self.downsample = nn.Identity()
        if stride > 1 or n_in != n_out:
            self.downsample = nn.Sequential(
                Conv2d(n_in, n_out, 1, stride=stride, bias=False), BatchNorm2d(n_out)
            )

    def forward(self, features: Tensor) -> Tensor:
        """Add the residual to the shortcut."""
        # Shapes: features (batch, n_in, height, width), result (batch, 4 n_inner, height / stride,
        # width / stride)
        residual = self.bn2(self.conv2(self.bn1(self.conv1(features))))
        return self.bn3(self.conv3(residual), self.downsample(features))


class BottleneckResNet(nn.Module):
    """Three stages of bottleneck blocks of [16, 32, 64] channels."""

    def __init__(
        self, image_shape: tuple[int, int, int], n_classes: int, n_blocks: int, width: float
    ) -> None:
        super().__init__()
        sizes = [scaled(size, width) for size in (16, 32, 64)]
        n_in = sizes[0]
        self.conv1 = Conv2d(image_shape[0], n_in, 3, padding=1, bias=False)
        self.bn1 = BatchNorm2d(n_in, rectify=True)
        blocks = []
        for stage, size in enumerate(sizes):
            for block in range(n_blocks):
                blocks.append(Bottleneck(n_in, size, 2 if stage and not block else 1))
                n_in = EXPANSION * size
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(n_in, n_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Compute class scores."""
        # Shapes: images (batch, channels, height, width), result (batch, n_classes)
        features = self.blocks(self.bn1(self.conv1(images)))
        return self.fc(torch.mean(features, dim=(2, 3)))


def build(
    image_shape: tuple[int, int, int], n_classes: int, *, depth: int = 56, width: float = 1.0
) -> nn.Module:
    """Build the network or a smaller one of the family."""
    # Source: dessilbi2020, Figure 5; its authors' public code,
    # ``example/lottery/models/cifar/resnet.py``; He et al., "Deep residual learning for image
    # recognition", CVPR 2016
    # `depth`: what the public code calls its depth, 6 n + 2 with n >= 1: n blocks of three
    # convolutions in each of three stages, so that 56 has 83 layers with weights besides shortcuts
    # `width`: factor on all channel counts, greater than 0; 1 is the source's network
    check_image("resnet56_bottleneck", image_shape, multiple=4, at_least=8)
    if depth < 8 or depth % 6 != 2:
        raise ValueError(
            f"resnet56_bottleneck's depth must be 6 n + 2 with n >= 1 (8, 14, …), got {depth}"
        )
    return BottleneckResNet(image_shape, n_classes, (depth - 2) // 6, width)
