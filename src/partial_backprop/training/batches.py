"""A split of a data set, on the device as one uint8 tensor.

B: batch, N: examples, C: channels, H: height, W: width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from partial_backprop.training.seeding import shuffled


class LabelledImages(Protocol):
    """What a split of a data set must offer."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class DeviceSplit:
    """Images and labels on a device, normalised batch by batch."""

    images: Tensor  # of shape (N, C, H, W); pixels as uint8, channels last in memory
    labels: Tensor  # of shape (N,); class indices as int64
    # scale, shift: of shape (1, C, 1, 1); a batch is ``images * scale + shift``
    scale: Tensor
    shift: Tensor

    @classmethod
    def of(
        cls,
        split: LabelledImages,
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device,
    ) -> "DeviceSplit":
        """Move a split to a device."""
        images = torch.from_numpy(np.ascontiguousarray(split.images)).to(device)
        mean_, std_ = (torch.tensor(v, device=device).view(1, -1, 1, 1) for v in (mean, std))
        return cls(
            images=images.contiguous(memory_format=torch.channels_last),
            labels=torch.from_numpy(np.ascontiguousarray(split.labels)).to(device),
            scale=1 / (255 * std_),
            shift=-mean_ / std_,
        )

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return normalised images and their labels."""
        # Shapes: indices (B,), images (B, C, H, W), labels (B,)
        images = self.images[indices].contiguous(memory_format=torch.channels_last)
        return torch.addcmul(self.shift, images.float(), self.scale), self.labels[indices]

    def epoch(self, batch_size: int, seed: int, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over an epoch's shuffled batches, the last one maybe smaller."""
        # Shapes: images (B, C, H, W), labels (B,)
        order = shuffled(len(self), seed, epoch).to(self.labels.device)
        for start in range(0, len(self), batch_size):
            yield self.batch(order[start : start + batch_size])
