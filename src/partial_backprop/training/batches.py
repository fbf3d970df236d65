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
    """Images and labels on a device, normalised batch by batch.

    Parameters
    ----------
    images : Tensor of shape (N, C, H, W)
        Pixels as uint8, channels last in memory.
    labels : Tensor of shape (N,)
        Class indices as int64.
    scale, shift : Tensor of shape (1, C, 1, 1)
        A batch is ``images * scale + shift``.
    """

    images: Tensor
    labels: Tensor
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
        """Move a split to a device.

        Parameters
        ----------
        split : LabelledImages
            ``images`` of shape (N, C, H, W), uint8, and ``labels`` of shape (N,).
        mean, std : sequence of float
            Per channel, for pixels between 0 and 1.
        device : torch.device
            Where to.

        Returns
        -------
        DeviceSplit
            The split on the device.
        """
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
        """Return normalised images and their labels.

        Parameters
        ----------
        indices : Tensor of shape (B,) or slice
            Which examples.

        Returns
        -------
        images : Tensor of shape (B, C, H, W)
            Normalised pixels as float32, channels last in memory.
        labels : Tensor of shape (B,)
            Class indices.
        """
        images = self.images[indices].contiguous(memory_format=torch.channels_last)
        return torch.addcmul(self.shift, images.float(), self.scale), self.labels[indices]

    def epoch(self, batch_size: int, seed: int, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over an epoch's shuffled batches, the last one maybe smaller.

        Parameters
        ----------
        batch_size : int
            Examples a batch.
        seed : int
            Seed of the run.
        epoch : int
            Epoch from 0; the order depends on the seed and this alone.

        Yields
        ------
        images : Tensor of shape (B, C, H, W)
            Normalised images.
        labels : Tensor of shape (B,)
            Class indices.
        """
        order = shuffled(len(self), seed, epoch).to(self.labels.device)
        for start in range(0, len(self), batch_size):
            yield self.batch(order[start : start + batch_size])
