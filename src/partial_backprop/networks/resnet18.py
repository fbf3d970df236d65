"""ResNet-18 for ImageNet, as torchvision builds it (dessilbi2020, Table 1)."""

from torch import nn

from partial_backprop.networks.scaling import check_image
from partial_backprop.torchvision_compat import import_torchvision


def build(image_shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """Build ResNet-18."""
    # *Departures.* The seed's table names no network; the paper's is ResNet-18
    # Source: dessilbi2020, Table 1; He et al., "Deep residual learning for image recognition", CVPR
    # 2016
    check_image("resnet18", image_shape, multiple=32, at_least=32)
    if image_shape[0] != 3:
        raise ValueError(f"resnet18 takes images of 3 channels, got {image_shape[0]}")
    return import_torchvision().models.resnet18(weights=None, num_classes=n_classes)
