"""A file of weights in which zeros cost one bit each, read without executing anything.

====== ======= =====================================================================
Offset Bytes   Content
====== ======= =====================================================================
0      8       ``PBSPARSE``
8      4       version of the format: 2 where tensors are tied, else 1
12     4       CRC-32 of everything that follows
16     8       n, length of the header
24     n       header: JSON, a list of tensors with name, dtype, shape, layout, n_values;
               of one that is tied to one before it also same_as, the name of that
24 + n …       the tensors that are not tied, in the order of the header (see `storage.packed`)
====== ======= =====================================================================

Numbers are unsigned and little-endian, text is UTF-8.
"""

import json
import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.storage.packed import DTYPES, Layout, n_bytes, pack, unpack

MAGIC = b"PBSPARSE"
VERSION = 2
"""Latest version of the format; version 1 knew no tied tensors."""

_START = struct.Struct("<8sII")
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class _Entry:
    """What the header says of a tensor; whatever it says is checked."""

    name: str
    dtype: str
    shape: list[int]  # of the tensor
    layout: Layout
    n_values: int
    same_as: str | None = None

    def __post_init__(self) -> None:
        is_text = isinstance(self.name, str) and isinstance(self.same_as, str | None)
        if not (is_text and isinstance(self.shape, list)) or self.layout not in get_args(Layout):
            raise ValueError("the header has a value of the wrong type")
        for number in (*self.shape, self.n_values):
            if type(number) is not int or number < 0:
                raise ValueError("the header has a number that is none from 0 up")

    def n_bytes(self) -> int:
        if self.same_as is not None:
            return 0
        width = DTYPES[self.dtype].itemsize
        return n_bytes(self.layout, math.prod(self.shape), self.n_values, width)


def _entries(header: bytes) -> list[_Entry]:
    content = json.loads(header)
    if not isinstance(content, list):
        raise ValueError("the header is no list")
    return [_Entry(**entry) for entry in content]


def to_bytes(state: Mapping[str, Tensor]) -> bytes:
    """Lay out the content of a file."""
    header, contents = [], []
    stored: dict[tuple, _Entry] = {}
    for name, tensor in state.items():
        place = _place(tensor)
        if place in stored:
            entry = replace(stored[place], name=name, same_as=stored[place].name)
        else:
            try:
                layout, n_values, content = pack(tensor)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
            dtype = str(tensor.dtype).removeprefix("torch.")
            entry = _Entry(
                name=name, dtype=dtype, shape=list(tensor.shape), layout=layout, n_values=n_values
            )
            contents.append(content)
            if place:
                stored[place] = entry
        header.append({key: value for key, value in asdict(entry).items() if value is not None})
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    body = b"".join([_LENGTH.pack(len(text)), text, *contents])
    version = 1 if all("same_as" not in entry for entry in header) else 2
    return _START.pack(MAGIC, version, zlib.crc32(body)) + body


def _place(tensor: Tensor) -> tuple:
    """Return what two tensors have in common that are one in memory; nothing where there is none."""
    if tensor.layout != torch.strided or tensor.is_meta or not tensor.numel():
        return ()
    return tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()


def from_bytes(content: bytes, where: str) -> dict[str, Tensor]:
    """Read the tensors out of a file's content."""
    if not content.startswith(MAGIC):
        raise UserError(f"{where} is no sparse weights file: make one with partial-backprop shrink")
    damaged = f"{where} is truncated or damaged: make it again with partial-backprop shrink"
    if len(content) < _START.size + _LENGTH.size:
        raise UserError(damaged)
    _, version, checksum = _START.unpack_from(content)
    if not 1 <= version <= VERSION:
        raise UserError(
            f"{where} has version {version} of the format and this program reads 1 to {VERSION}: use "
            "the version of partial-backprop that wrote it"
        )
    body = memoryview(content)[_START.size :]
    if zlib.crc32(body) != checksum:
        raise UserError(damaged)
    (length,) = _LENGTH.unpack_from(body)
    try:
        entries = _entries(bytes(body[_LENGTH.size : _LENGTH.size + length]))
        return _tensors(entries, body[_LENGTH.size + length :])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError(damaged) from None


def _tensors(entries: list[_Entry], payload: memoryview) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    start = 0
    for entry in entries:
        end = start + entry.n_bytes()
        shape = tuple(entry.shape)
        if entry.same_as is None:
            found = unpack(bytes(payload[start:end]), entry.layout, entry.dtype, shape)
        else:
            found = state[entry.same_as]
            if (tuple(found.shape), found.dtype) != (shape, DTYPES[entry.dtype]):
                raise ValueError(f"{entry.name} differs from {entry.same_as}")
        state[entry.name] = found
        start = end
    if start != len(payload) or len(state) != len(entries):
        raise ValueError("the header does not describe the tensors")
    return state


def write(state: Mapping[str, Tensor], path: Path) -> None:
    """Write weights."""
    write_atomically(path, to_bytes(state))


def read(path: Path) -> dict[str, Tensor]:
    """Read what `write` wrote."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read the weights {path}: {error.strerror}; give a file that partial-backprop "
            "shrink wrote"
        ) from None
    return from_bytes(content, str(path))
