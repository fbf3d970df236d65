"""A file of weights in which zeros cost one bit each, read without executing anything.

====== ======= =====================================================================
Offset Bytes   Content
====== ======= =====================================================================
0      8       ``PBSPARSE``
8      4       version of the format, 1
12     4       CRC-32 of everything that follows
16     8       n, length of the header
24     n       header: JSON, a list of tensors with name, dtype, shape, layout, n_values
24 + n …       the tensors in the order of the header (see `storage.packed`)
====== ======= =====================================================================

Numbers are unsigned and little-endian, text is UTF-8.
"""

import json
import math
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import pydantic
from torch import Tensor

from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.storage.packed import DTYPES, Layout, n_bytes, pack, unpack

MAGIC = b"PBSPARSE"
VERSION = 1

_START = struct.Struct("<8sII")
_LENGTH = struct.Struct("<Q")


class _Entry(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    dtype: str
    shape: list[pydantic.NonNegativeInt]
    layout: Layout
    n_values: pydantic.NonNegativeInt

    def n_bytes(self) -> int:
        width = DTYPES[self.dtype].itemsize
        return n_bytes(self.layout, math.prod(self.shape), self.n_values, width)


_HEADER = pydantic.TypeAdapter(list[_Entry])


def to_bytes(state: Mapping[str, Tensor]) -> bytes:
    """Lay out the content of a file.

    Parameters
    ----------
    state : mapping of str to Tensor
        A ``state_dict``.

    Returns
    -------
    bytes
        The file; the same for the same tensors.

    Raises
    ------
    ValueError
        If the type of a tensor cannot be stored.
    """
    header, contents = [], []
    for name, tensor in state.items():
        try:
            layout, n_values, content = pack(tensor)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        dtype = str(tensor.dtype).removeprefix("torch.")
        entry = _Entry(
            name=name, dtype=dtype, shape=list(tensor.shape), layout=layout, n_values=n_values
        )
        header.append(entry.model_dump())
        contents.append(content)
    told = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    body = b"".join([_LENGTH.pack(len(told)), told, *contents])
    return _START.pack(MAGIC, VERSION, zlib.crc32(body)) + body


def from_bytes(content: bytes, where: str) -> dict[str, Tensor]:
    """Read the tensors out of a file's content.

    Parameters
    ----------
    content : bytes
        The file.
    where : str
        Its name, for the message.

    Returns
    -------
    dict of str to Tensor
        The ``state_dict``, bit by bit as it was written.

    Raises
    ------
    UserError
        If the content is no such file, is of another version, or is truncated or damaged.
    """
    if not content.startswith(MAGIC):
        raise UserError(f"{where} is no sparse weights file: make one with partial-backprop shrink")
    damaged = f"{where} is truncated or damaged: make it again with partial-backprop shrink"
    if len(content) < _START.size + _LENGTH.size:
        raise UserError(damaged)
    _, version, checksum = _START.unpack_from(content)
    if version != VERSION:
        raise UserError(
            f"{where} has version {version} of the format and this program reads {VERSION}: use the "
            "version of partial-backprop that wrote it"
        )
    body = memoryview(content)[_START.size :]
    if zlib.crc32(body) != checksum:
        raise UserError(damaged)
    (length,) = _LENGTH.unpack_from(body)
    try:
        entries = _HEADER.validate_json(bytes(body[_LENGTH.size : _LENGTH.size + length]))
        return _tensors(entries, body[_LENGTH.size + length :])
    except (ValueError, KeyError):  # a validation error is a ValueError
        raise UserError(damaged) from None


def _tensors(entries: list[_Entry], payload: memoryview) -> dict[str, Tensor]:
    state, start = {}, 0
    for entry in entries:
        end = start + entry.n_bytes()
        shape = tuple(entry.shape)
        state[entry.name] = unpack(bytes(payload[start:end]), entry.layout, entry.dtype, shape)
        start = end
    if start != len(payload) or len(state) != len(entries):
        raise ValueError("the header does not describe the tensors")
    return state


def write(state: Mapping[str, Tensor], path: Path) -> None:
    """Write weights.

    Parameters
    ----------
    state : mapping of str to Tensor
        A ``state_dict``.
    path : pathlib.Path
        Where to; either the whole file appears there, or none.

    Raises
    ------
    ValueError
        If the type of a tensor cannot be stored.
    UserError
        If the file cannot be written.
    """
    write_atomically(path, to_bytes(state))


def read(path: Path) -> dict[str, Tensor]:
    """Read what `write` wrote.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    dict of str to Tensor
        The ``state_dict``, on the CPU.

    Raises
    ------
    UserError
        If the file is missing, is no such file, is of another version, or is truncated or damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read the weights {path}: {error.strerror}; give a file that partial-backprop "
            "shrink wrote"
        ) from None
    return from_bytes(content, str(path))
