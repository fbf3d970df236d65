"""ResNet-110 for CIFAR-10, with option A shortcuts (pb2020, section 4.1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partial_backprop.layers.convolution import Conv2d
from partial_backprop.layers.normalisation import BatchNorm2d
from partial_backprop.networks.scaling import check_image, scaled


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut without parameters."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.stride = 1 if n_in == n_out else 2
        self.n_new = n_out - n_in
        self.conv1 = Conv2d(n_in, n_out, 3, stride=self.stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(n_out, rectify=True)
        self.conv2 = Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(n_out, rectify=True)

    def forward(self, features: Tensor) -> Tensor:
        """Add the residual to the shortcut."""
        # Shapes: features (batch, n_in, height, width), result (batch, n_out, height / stride,
        # width / stride)
        residual, features = self.conv1.beside(features)
        residual = self.conv2(self.bn1(residual))
        if self.stride == 2:
            # Option A: every other pixel, and zeros for the new channels, half on each side.
            before = self.n_new // 2
            features = F.pad(features[:, :, ::2, ::2], (0, 0, 0, 0, before, self.n_new - before))
        return self.bn2(residual, features)


class CifarResNet(nn.Module):
    """Three stages of basic blocks with [16, 32, 64] channels."""

    def __init__(
        self, image_shape: tuple[int, int, int], n_classes: int, depth: int, width: float
    ) -> None:
        super().__init__()
        channels = [scaled(size, width) for size in (16, 32, 64)]
        self.conv1 = Conv2d(image_shape[0], channels[0], 3, padding=1, bias=False)
        self.bn1 = BatchNorm2d(channels[0], rectify=True)
        blocks: list[nn.Module] = []
        n_in = channels[0]
        for n_out in channels:
            for _ in range((depth - 2) // 6):
                blocks.append(BasicBlock(n_in, n_out))
                n_in = n_out
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
    image_shape: tuple[int, int, int], n_classes: int, *, depth: int = 110, width: float = 1.0
) -> nn.Module:
    """Build ResNet-110 or a smaller one of the family."""
    # Source: pb2020, section 4.1; He et al., "Deep residual learning for image recognition", CVPR
    # 2016, section 4.2 (initialisation: He et al., "Delving deep into rectifiers", ICCV 2015)
    # `depth`: layers with weights, 6 n + 2 with n >= 1; 110 (54 blocks) is the source's network
    # `width`: factor on all channel counts, greater than 0; 1 is the source's network
    check_image("resnet110", image_shape, multiple=4, at_least=8)
    if depth < 8 or depth % 6 != 2:
        raise ValueError(
            f"resnet110's depth must be 6 n + 2 with n >= 1 (8, 14, 20, …), got {depth}"
        )
    return CifarResNet(image_shape, n_classes, depth, width)
