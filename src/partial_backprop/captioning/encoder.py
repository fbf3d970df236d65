"""A trained convolutional network whose feature maps a decoder attends to.

B: batch, L: locations of a feature map, D: channels.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from partial_backprop import record, registry
from partial_backprop.captioning.features import KEY, FeatureReport
from partial_backprop.errors import UserError
from partial_backprop.storage import state_dict

WEIGHTS = "encoder.pt"
"""File beside the features with the weights that computed them."""


class Encoder:
    """A frozen network up to its last feature map."""

    def __init__(
        self, model: nn.Module, mean: Sequence[float], std: Sequence[float], device: torch.device
    ) -> None:
        self.model = model.eval().to(device, memory_format=torch.channels_last)
        self._device = device
        mean_, std_ = (torch.tensor(v, device=device).view(1, -1, 1, 1) for v in (mean, std))
        self._scale, self._shift = 1 / (255 * std_), -mean_ / std_

    @torch.no_grad()
    def feature_map(self, images: np.ndarray) -> Tensor:
        """Compute the feature maps of images."""
        # Shapes: images (B, 3, H, W), result (B, D, h, w)
        pixels = torch.from_numpy(np.ascontiguousarray(images)).to(self._device)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        return self.model.features(torch.addcmul(self._shift, pixels.float(), self._scale))

    def features(self, images: np.ndarray) -> Tensor:
        """Compute the features of images, one vector for each location."""
        # Shapes: images (B, 3, H, W), result (B, L, D)
        found = self.feature_map(images).flatten(2).transpose(1, 2)  # (B, L, D)
        return found.half().float().contiguous()


def build(network: Mapping[str, Any], image_shape: tuple[int, int, int], path: Path) -> nn.Module:
    """Build a network with the weights of a file, whatever classes they were trained on."""
    options = dict(network)
    name = options.pop("name")
    state = dict(state_dict.read(path))
    n_classes = next(reversed(state.values())).numel()
    try:
        model = registry.load("networks", name)(tuple(image_shape), n_classes, **options)
    except ValueError as error:
        raise UserError(f"encoder {name}: {error}") from None
    if not hasattr(model, "features"):
        raise UserError(
            f"encoder {name}: it has no feature map to attend to: choose scene_cnn, "
            "efficientnet_lite0 or resnet101"
        )
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:100]
        raise UserError(
            f"{path} is of another network than {name} ({reason}): give weights of that network"
        ) from None
    return model


def load(folder: Path, device: torch.device) -> tuple[Encoder, FeatureReport, int]:
    """Load the encoder of a run of the recipe ``encode``, for further images."""
    made = record.read(folder / "record.json")
    report = made.measured(KEY, FeatureReport, "features")
    model = build(made.config.network, made.data.image_shape, folder / WEIGHTS)
    return Encoder(model, report.mean, report.std, device), report, made.data.image_shape[1]
