"""Where the active entries of a tensor are, in two bytes each.

Entries are counted in the order in which they lie in memory, so that whoever walks over them walks
through memory once, whatever the tensor's layout (channels-last, say). B: entries of a block.
"""

import hashlib

import numpy as np
import torch
from torch import Tensor

BLOCK = 2048
"""Entries of a block, B: its values and gradients fit a processor's first cache."""

MANY = 5 / 8
"""Active share from which updates are added to 16 neighbours at a time, as ``adam.c`` has it for a block."""


def flat(values: Tensor) -> Tensor:
    """View a tensor as a vector in the order of its memory."""
    if values.is_contiguous():
        return values.detach().view(-1)
    expected = 1
    for step, length in sorted((s, n) for n, s in zip(values.shape, values.stride(), strict=True)):
        if length > 1 and step != expected:
            raise ValueError("the entries do not fill the memory: call contiguous()")
        expected *= length
    return values.detach().as_strided((values.numel(),), (1,), values.storage_offset())


def layout(values: Tensor) -> list[int]:
    """Return what tells the order of entries in memory."""
    return [s if n > 1 else 0 for n, s in zip(values.shape, values.stride(), strict=True)]


class ActiveEntries:
    """The active entries of one parameter."""

    def __init__(self, parameter: Tensor, active: Tensor) -> None:
        # n: entries of the parameter, B: `BLOCK`
        self.shape, self.strides = parameter.shape, parameter.stride()  # order in memory, too
        flat(parameter)  # or else an error
        index = flat(self.aligned(active)).nonzero().flatten()
        edges = torch.arange(0, parameter.numel() + BLOCK, BLOCK, device=index.device)
        self.n_active = len(index)
        self.starts = torch.searchsorted(
            index, edges
        ).int()  # (⌈n / B⌉ + 1,), active before each block
        self.places = (index % BLOCK).short()  # (n_active,), place of each within its block
        # (⌈n / B⌉ B / 8,): the same, a bit for each entry, the lowest first, for a processor's vectors
        self.bits = torch.empty(0, dtype=torch.uint8)
        if index.device.type == "cpu" and self.n_active > MANY * parameter.numel():
            self.bits = _packed(flat(self.aligned(active)), len(edges) - 1)
        digest = hashlib.blake2b(str(tuple(self.shape)).encode(), digest_size=7)
        for part in (self.starts, self.places):
            digest.update(part.cpu().numpy())
        self.checksum = int.from_bytes(digest.digest(), "big")

    def aligned(self, values: Tensor) -> Tensor:
        """Lay values out in memory as the parameter lies."""
        if values.shape != self.shape:
            raise ValueError(f"{tuple(values.shape)} is not the shape {tuple(self.shape)}")
        if values.stride() == self.strides:
            return values.detach()
        return self._empty(values.dtype, values.device).copy_(values.detach())

    def index(self) -> Tensor:
        """Compute the index of each active entry in the flattened parameter."""
        counts = self.starts.diff()
        blocks = torch.arange(len(counts), device=counts.device)
        base = torch.repeat_interleave(blocks, counts, output_size=self.n_active)
        return base.mul_(BLOCK).add_(self.places)

    def mask(self) -> Tensor:
        """Mark the active entries."""
        entries = self._empty(torch.bool, self.places.device).zero_()
        flat(entries)[self.index()] = True
        return entries

    def gather(self, values: Tensor) -> Tensor:
        """Copy the active entries out of a tensor."""
        return flat(self.aligned(values)).index_select(0, self.index())

    def spread(self, compact: Tensor) -> Tensor:
        """Write active entries where they belong."""
        return self.write(compact, self._empty(compact.dtype, compact.device).zero_())

    def write(self, compact: Tensor, over: Tensor) -> Tensor:
        """Write active entries into a tensor."""
        flat(over).index_copy_(0, self.index(), compact)
        return over

    def frozen_digest(self, values: Tensor) -> str:
        """Compute a checksum of the entries that are not active."""
        frozen = flat(self.aligned(values))[~flat(self.mask())].cpu()
        return hashlib.blake2b(frozen.view(torch.uint8).numpy(), digest_size=16).hexdigest()

    def n_bytes(self) -> int:
        """Count the bytes that the positions take."""
        return sum(t.numel() * t.element_size() for t in (self.places, self.starts, self.bits))

    def _empty(self, dtype: torch.dtype, device: torch.device) -> Tensor:
        return torch.empty_strided(self.shape, self.strides, dtype=dtype, device=device)


def _packed(active: Tensor, n_blocks: int) -> Tensor:
    """Pack booleans in memory's order, eight to a byte."""
    whole = np.zeros(n_blocks * BLOCK // 8, np.uint8)
    packed = np.packbits(active.numpy(), bitorder="little")
    whole[: len(packed)] = packed
    return torch.from_numpy(whole)
