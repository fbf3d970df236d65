"""pb2020's listing in plain words: what anyone would write first, as a baseline.

A data set that transforms one picture at a time, a loader that stacks them, Adam with AMSGrad as torch
makes it by default, a mask multiplied into each gradient, and counts that are looked at as they come.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from partial_backprop.layers import kernels
from partial_backprop.torchvision_compat import import_torchvision

import_torchvision()

from torchvision import transforms  # noqa: E402

THRESHOLD = 0.45
"""The listing's threshold, on |gradient| / learning rate."""


class Pictures(torch.utils.data.Dataset):
    """Pictures that are transformed one by one, as torchvision's data sets do it."""

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        pictures = np.ascontiguousarray(np.moveaxis(images, 1, -1))
        self._pictures = pictures[..., 0] if pictures.shape[-1] == 1 else pictures
        self._labels = [int(label) for label in labels]
        self._transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize(tuple(mean), tuple(std))]
        )

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._transform(Image.fromarray(self._pictures[index])), self._labels[index]


class Progress(NamedTuple):
    """What the listing prints in an epoch."""

    loss: float
    """Mean over the examples."""
    percent_correct: float
    percent_frozen: float
    """Share of gradients that are zero, when last counted; NaN if never."""


class PlainLoop:
    """A network in training as the listing trains it."""

    def __init__(
        self,
        model: nn.Module,
        dataset: torch.utils.data.Dataset,
        *,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        threshold: float | None = THRESHOLD,
        count_every: int = 1,
        order: Sequence[int] | None = None,
    ) -> None:
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, amsgrad=True)
        self._loader = torch.utils.data.DataLoader(
            dataset, batch_size=batch_size, sampler=order, shuffle=order is None
        )
        self._device = next(model.parameters()).device
        self._threshold = threshold
        self._count_every = count_every
        self._masks: list[Tensor] | None = None

    @kernels.torch_only()
    def epoch(self) -> Progress:
        """Train one epoch, all layers being torch's own."""
        self.model.train()
        loss_sum, n_correct, n_seen, frozen = 0.0, 0, 0, float("nan")
        for step, (images, labels) in enumerate(self._loader):
            images, labels = images.to(self._device), labels.to(self._device)
            output = self.model(images)
            loss = F.cross_entropy(output, labels)
            n_correct += int((output.argmax(1) == labels).sum())
            loss_sum += loss.item() * len(labels)
            n_seen += len(labels)
            self.model.zero_grad()
            loss.backward()
            if self._threshold is not None:
                self._mask_gradients()
            counts = self._count_every and step % self._count_every == 0
            if counts:
                self._count(zero=True)
            self.optimizer.step()
            if counts:
                n_all = sum(p.numel() for p in self.model.parameters())
                frozen = 100 * (n_all - self._count(zero=False)) / n_all
        return Progress(loss_sum / n_seen, 100 * n_correct / n_seen, frozen)

    def _mask_gradients(self) -> None:
        if self._masks is None:
            rate = self.optimizer.param_groups[0]["lr"]
            self._masks = []
            for parameter in self.model.parameters():
                size = (parameter.grad.detach() / rate).abs()
                mask = torch.ones_like(size)
                mask[size <= self._threshold] = 0
                self._masks.append(mask)
        for parameter, mask in zip(self.model.parameters(), self._masks, strict=True):
            parameter.grad *= mask

    def _count(self, *, zero: bool) -> int:
        n = 0
        for parameter in self.model.parameters():
            gradient = parameter.grad.detach()
            n += int(((gradient == 0) if zero else (gradient != 0)).int().sum())
        return n
