"""ResNet-101 as torchvision defines it, under the names of its weights."""

import torch
from torch import Tensor, nn

from partial_backprop.networks.scaling import check_image
from partial_backprop.torchvision_compat import import_torchvision


class FeatureResNet(nn.Module):
    """The bottleneck network of torchvision, whose last feature map can be had."""

    def __init__(self, n_classes: int, blocks: tuple[int, ...]) -> None:
        super().__init__()
        resnet = import_torchvision().models.resnet
        layers = resnet.ResNet(resnet.Bottleneck, list(blocks), num_classes=n_classes)
        for name, layer in layers.named_children():
            self.add_module(name, layer)

    def features(self, images: Tensor) -> Tensor:
        """Compute the last feature map."""
        # Shapes: images (batch, 3, height, width), result (batch, 2048, height / 32, width / 32)
        found = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        return self.layer4(self.layer3(self.layer2(self.layer1(found))))

    def forward(self, images: Tensor) -> Tensor:
        """Compute class scores."""
        # Shapes: images (batch, 3, height, width), result (batch, n_classes)
        return self.fc(torch.mean(self.features(images), dim=(2, 3)))


def build(
    image_shape: tuple[int, int, int],
    n_classes: int,
    *,
    # Blocks of each of the four stages, at least 1; the default is ResNet-101
    blocks: tuple[int, ...] = (3, 4, 23, 3),
) -> nn.Module:
    """Build the network."""
    # Source: K. He et al., "Deep residual learning for image recognition", CVPR 2016.
    check_image("resnet101", image_shape, multiple=32, at_least=32)
    if image_shape[0] != 3:
        raise ValueError(f"resnet101 takes coloured images, got {image_shape[0]} channels")
    if len(blocks) != 4 or min(blocks) < 1:
        raise ValueError(f"blocks must be four numbers from 1, got {list(blocks)}")
    return FeatureResNet(n_classes, blocks)
