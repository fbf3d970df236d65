"""Positions of a few among many entries, in about one byte each: Rice's code of the gaps between them.

A gap of g entries is written as g >> k zero bits and a one bit, and as the k lowest bits of g. The first
parts of all gaps stand together, then the second ones; with k = 0 the code is a bitmap.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MAX_BITS = 40
"""Largest k that is tried and read."""


def pack(index: Tensor) -> tuple[int, Tensor]:
    """Write positions."""
    gaps = np.diff(index.cpu().numpy(), prepend=-1) - 1
    sizes = [len(gaps) * (k + 1) + int((gaps >> k).sum()) for k in range(MAX_BITS)]
    bits = int(np.argmin(sizes))
    ends = np.cumsum((gaps >> bits) + 1)
    high = np.zeros(int(ends[-1]) if len(ends) else 0, bool)
    high[ends - 1] = True
    low = (gaps[:, None] >> np.arange(bits) & 1).astype(bool)
    parts = [np.packbits(part.ravel(), bitorder="little") for part in (high, low)]
    return bits, torch.from_numpy(np.concatenate(parts))


def unpack(bits: int, n: int, content: Tensor) -> Tensor:
    """Read positions."""
    if not 0 <= bits < MAX_BITS or n < 0:
        raise ValueError(f"{n} positions cannot have a code of {bits} bits")
    n_low = -(-n * bits // 8)
    code = content.numpy()
    if len(code) < n_low:
        raise ValueError("its positions are cut off")
    high = _unpacked(code[: len(code) - n_low])
    ends = np.flatnonzero(high)
    if len(ends) != n or len(high) - (ends[-1] + 1 if n else 0) > 7:
        raise ValueError(f"it does not have {n} positions")
    low = _unpacked(code[len(code) - n_low :])[: n * bits].reshape(n, bits)
    upper = np.diff(ends, prepend=-1) - 1
    gaps = (upper << bits) + (low.astype(np.int64) << np.arange(bits)).sum(1)
    return torch.from_numpy(np.cumsum(gaps + 1) - 1)


def _unpacked(code: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.unpackbits(code, bitorder="little")
