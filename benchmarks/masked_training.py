"""Ways to train VGG19 with and without frozen weights, and the memory that each takes.

``python -m benchmarks.masked_training WAY`` prints the peak memory of one way, in MiB: of the whole run,
and of the steps after the making of the mask.
"""

import ctypes
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from partial_backprop import registry
from partial_backprop.freezing import filters, quantile
from partial_backprop.freezing.partial_backprop import PartialBackprop

SHARE = 0.8
"""Frozen share that the goals are set for."""
IMAGE_SHAPE, N_CLASSES, BATCH_SIZE = (3, 32, 32), 10, 100
MEMORY_STEPS = 3
MMAP_THRESHOLD = -3, 2**20
"""For glibc's ``mallopt``: blocks of 1 MiB or more get pages of their own, which go back when they are
freed. By default the bound rises with what is freed, and a peak then depends on gaps between blocks."""


class Way(NamedTuple):
    """A way to train."""

    title: str
    """In print."""
    form: str = "fused"
    """Torch's form of AMSGrad: ``fused`` or ``foreach``."""
    criterion: Callable | None = None
    compact: bool = False
    skip_filters: bool = False
    start_epoch: int = 1
    """Epoch that makes the mask; at 0 there is no optimizer state before."""


FB = Way("FB")
FOREACH = Way("FB", form="foreach")


def masked(share: float) -> Way:
    """Describe partial backpropagation that keeps everything."""
    return Way("PB", criterion=functools.partial(quantile.mask, q=share))


def compact(share: float) -> Way:
    """Describe partial backpropagation with state of active weights alone."""
    return masked(share)._replace(title="compact PB", compact=True)


def whole_filters(share: float, scope: str) -> Way:
    """Describe partial backpropagation of whole filters."""
    criterion = functools.partial(filters.mask, q=share, scope=scope)
    return Way(f"filters by {scope}", criterion=criterion, compact=True, skip_filters=True)


class Training:
    """A network in training, past the making of its mask."""

    def __init__(self, way: Way, batch_size: int, memory_format: torch.memory_format) -> None:
        torch.manual_seed(0)
        build = registry.load("networks", "vgg19")
        self.model: nn.Module = build(IMAGE_SHAPE, N_CLASSES).to(memory_format=memory_format)
        form = {way.form: True}
        self.optimizer = torch.optim.Adam(self.model.parameters(), amsgrad=True, **form)
        images = torch.randn(batch_size, *IMAGE_SHAPE)
        self._images = images.to(memory_format=memory_format)
        self._labels = torch.randint(0, N_CLASSES, (batch_size,))
        self.pb = None
        if way.criterion is not None:
            self.pb = PartialBackprop(
                self.model,
                self.optimizer,
                way.criterion,
                start_epoch=way.start_epoch,
                compact=way.compact,
                skip_filters=way.skip_filters,
            )
        # Once without a mask, once for making it, and once as it goes on.
        for epoch in range(3):
            if self.pb is not None:
                self.pb.begin_epoch(epoch)
            self.step()

    def step(self) -> None:
        """Make one training step."""
        self.optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(self.model(self._images), self._labels).backward()
        self.optimizer.step()

    def state_bytes(self) -> int:
        """Count the bytes that the optimizer keeps, positions of active entries included."""
        tensors = [value for state in self.optimizer.state.values() for value in state.values()]
        found = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return found + (self.pb.position_bytes if self.pb is not None else 0)


WAYS = {
    "fb": FB,
    "masked": masked(SHARE),
    "compact": compact(SHARE),
    "compact_from_start": compact(SHARE)._replace(
        title="compact PB from the first step", start_epoch=0
    ),
    "filters_network": whole_filters(SHARE, "network"),
    "filters_layer": whole_filters(SHARE, "layer"),
}
"""Name -> way."""


class Peaks(NamedTuple):
    """The most memory that a process has, in MiB of physical memory."""

    whole: float
    """Of all steps, the making of the mask among them."""
    masked: float
    """Of the steps after it. What was free by then has been handed back to the system."""


def peak_mib(way: Way) -> Peaks:
    """Measure the most memory that a process has while it trains."""
    training = Training(way, BATCH_SIZE, torch.channels_last)
    before = _recorded_mib()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    for _ in range(MEMORY_STEPS):
        training.step()
    masked = _recorded_mib()
    return Peaks(max(before, masked), masked)


def _recorded_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    ctypes.CDLL(None).mallopt(*MMAP_THRESHOLD)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    print(*peak_mib(WAYS[sys.argv[1]]))
