"""ResNet-20 under the parameter names of sparse_homework, Labs 2 and 3.

Each convolution, and the linear layer, is wrapped: ``head_conv.0.conv.weight``,
``body_op.3.conv1.0.conv.weight``, ``final_fc.linear.weight``. The wrapper passes the weight through
``weight_transform`` before it is used, which is where a quantizer is put; the weight itself, and so
the ``state_dict``, stays in floating point.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partial_backprop.layers.convolution import Conv2d, convolve
from partial_backprop.layers.normalisation import BatchNorm2d
from partial_backprop.networks.scaling import check_image, scaled


class Conv(nn.Module):
    """A convolution without bias whose weight may be transformed before it is used."""

    def __init__(self, n_in: int, n_out: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = Conv2d(n_in, n_out, size, stride=stride, padding=size // 2, bias=False)
        self.weight_transform: Callable[[Tensor], Tensor] | None = None

    def forward(self, features: Tensor) -> Tensor:
        """Convolve with the transformed weight."""
        # Shapes: features (batch, n_in, height, width), result (batch, n_out, height / stride,
        # width / stride)
        if self.weight_transform is None:
            return self.conv(features)
        weight = self.weight_transform(self.conv.weight)
        return convolve(features, weight, None, self.conv.geometry)


class Linear(nn.Module):
    """A linear layer whose weight may be transformed before it is used."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.weight_transform: Callable[[Tensor], Tensor] | None = None

    def forward(self, features: Tensor) -> Tensor:
        """Multiply by the transformed weight."""
        # Shapes: features (batch, n_in), result (batch, n_out)
        weight = self.linear.weight
        if self.weight_transform is not None:
            weight = self.weight_transform(weight)
        return F.linear(features, weight, self.linear.bias)


class Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, convolved where the number of channels changes."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        stride = 1 if n_in == n_out else 2
        self.conv1 = nn.Sequential(
            Conv(n_in, n_out, stride=stride), BatchNorm2d(n_out, rectify=True)
        )
        self.conv2 = nn.Sequential(Conv(n_out, n_out), BatchNorm2d(n_out, rectify=True))
        self.id_mapping: nn.Module | None = None
        if n_in != n_out:
            self.id_mapping = nn.Sequential(
                Conv(n_in, n_out, size=1, stride=stride), BatchNorm2d(n_out)
            )

    def forward(self, features: Tensor) -> Tensor:
        """Add the residual to the shortcut."""
        # Shapes: features (batch, n_in, height, width), result (batch, n_out, height / stride,
        # width / stride)
        residual = self.conv2[0](self.conv1(features))
        shortcut = features if self.id_mapping is None else self.id_mapping(features)
        return self.conv2[1](residual, shortcut)


class LabResNet(nn.Module):
    """Three stages of three blocks with [16, 32, 64] channels."""

    def __init__(self, image_shape: tuple[int, int, int], n_classes: int, width: float) -> None:
        super().__init__()
        channels = [scaled(size, width) for size in (16, 32, 64)]
        self.head_conv = nn.Sequential(
            Conv(image_shape[0], channels[0]), BatchNorm2d(channels[0], rectify=True)
        )
        blocks: list[nn.Module] = []
        n_in = channels[0]
        for n_out in channels:
            for _ in range(3):
                blocks.append(Block(n_in, n_out))
                n_in = n_out
        self.body_op = nn.Sequential(*blocks)
        self.final_fc = Linear(n_in, n_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Compute class scores."""
        # Shapes: images (batch, channels, height, width), result (batch, n_classes)
        features = self.body_op(self.head_conv(images))
        return self.final_fc(torch.mean(features, dim=(2, 3)))


def build(image_shape: tuple[int, int, int], n_classes: int, *, width: float = 1.0) -> nn.Module:
    """Build ResNet-20."""
    # Departures: the source's definition is not public. Names of parameters are those of its
    # printed lists; the rest follows from them and from the number of prunable weights.
    # Source: sparse_homework, Labs 2 and 3; He et al., "Deep residual learning for image
    # recognition", CVPR 2016, section 4.2
    # `width`: factor on all channel counts, greater than 0; 1 is the source's network
    check_image("resnet20", image_shape, multiple=4, at_least=8)
    return LabResNet(image_shape, n_classes, width)
