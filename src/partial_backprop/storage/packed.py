"""The bits of one tensor, with its zeros left out where that makes it smaller.

A tensor of n values of w bytes each is stored in one of three layouts, whichever is shortest:

dense
    n · w bytes: the values in C order.
bitmap
    ceil(n / 8) bytes: bit i % 8 of byte i // 8, counted from the lowest, tells whether value i is
    stored; then the stored values in C order. The others are zero, with no bit set.
signs
    As bitmap, but the others may be negative zeros, which a mask makes of negative weights that it
    is multiplied with. Between bitmap and values, one bit for each of the others, filled up to
    whole bytes, tells whether it is.

So every tensor comes back with the bits that it had; NaNs and denormal numbers are values like any
other. All numbers are little-endian.
"""

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Layout = Literal["dense", "bitmap", "signs"]

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
    )
}
"""Name in a file -> type of tensor that can be stored."""

_WORDS = {
    1: (torch.uint8, "<u1"),
    2: (torch.int16, "<i2"),
    4: (torch.int32, "<i4"),
    8: (torch.int64, "<i8"),
}
"""Bytes of a value -> integers of that width, in torch and in a file."""


def pack(tensor: Tensor) -> tuple[Layout, int, bytes]:
    """Store a tensor in the shortest layout."""
    _check(tensor)
    word, stored = _WORDS[tensor.element_size()]
    flat = tensor.detach().cpu().contiguous().reshape(-1).view(word)
    values = flat.numpy().astype(stored, copy=False)
    negative = np.zeros_like(values, dtype=bool)
    if tensor.is_floating_point():
        negative = values == np.iinfo(values.dtype).min  # the sign's bit and no other
    present: dict[Layout, np.ndarray] = {
        "dense": np.ones_like(negative),
        "bitmap": values != 0,
        "signs": (values != 0) & ~negative,
    }
    counts = {layout: int(stays.sum()) for layout, stays in present.items()}
    layout = min(counts, key=lambda one: n_bytes(one, values.size, counts[one], values.itemsize))
    stays = present[layout]
    content = values[stays].tobytes()
    if layout == "signs":
        content = np.packbits(negative[~stays], bitorder="little").tobytes() + content
    if layout != "dense":
        content = np.packbits(stays, bitorder="little").tobytes() + content
    return layout, counts[layout], content


def _check(tensor: Tensor) -> None:
    kind = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_meta:
        raise ValueError("a tensor on the device meta has no values: load the weights first")
    if tensor.layout != torch.strided:
        layout = str(tensor.layout).removeprefix("torch.")
        raise ValueError(f"a tensor of layout {layout} cannot be stored: store its to_dense()")
    if tensor.is_quantized:
        raise ValueError(f"a tensor of {kind} cannot be stored: store its dequantize()")
    if tensor.is_complex():
        raise ValueError(f"a tensor of {kind} cannot be stored: store torch.view_as_real of it")
    if tensor.dtype not in DTYPES.values():
        other = "float32" if tensor.is_floating_point() else "int64"
        raise ValueError(f"a tensor of {kind} cannot be stored: convert it to {other}")


def n_bytes(layout: Layout, n: int, n_values: int, width: int) -> int:
    """Return the length of a stored tensor."""
    bitmap = math.ceil(n / 8) if layout != "dense" else 0
    signs = math.ceil((n - n_values) / 8) if layout == "signs" else 0
    return bitmap + signs + n_values * width


def unpack(content: bytes, layout: Layout, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """Restore a tensor, bit by bit."""
    # Shapes: result `shape`
    kind = DTYPES[dtype]
    stored = np.dtype(_WORDS[kind.itemsize][1])
    n = math.prod(shape)
    n_values, start = n, 0
    if layout != "dense":
        start = math.ceil(n / 8)
        stays = _bits(content[:start], n)
        n_values = int(stays.sum())
    if len(content) != n_bytes(layout, n, n_values, kind.itemsize):
        raise ValueError(f"{len(content)} bytes are no tensor of {n_values} values of {dtype}")
    found = np.frombuffer(content[len(content) - n_values * kind.itemsize :], stored)
    if layout == "dense":
        values = found.copy()
    else:
        values = np.zeros(n, stored)
        values[stays] = found
    if layout == "signs":
        negative = _bits(content[start : start + math.ceil((n - n_values) / 8)], n - n_values)
        values[np.flatnonzero(~stays)[negative]] = np.iinfo(stored).min
    native = values.astype(stored.newbyteorder("="), copy=False)
    return torch.from_numpy(native).view(kind).reshape(shape)


def _bits(content: bytes, n: int) -> np.ndarray:
    if len(content) < math.ceil(n / 8):
        raise ValueError(f"{len(content)} bytes are no bitmap of {n} values")
    bits = np.frombuffer(content, np.uint8)
    return np.unpackbits(bits, count=n, bitorder="little").astype(bool)
