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
from pathlib import Path

import pydantic
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


class _Entry(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    dtype: str
    shape: list[pydantic.NonNegativeInt]
    layout: Layout
    n_values: pydantic.NonNegativeInt
    same_as: str | None = None

    def n_bytes(self) -> int:
        if self.same_as is not None:
            return 0
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
        If a tensor cannot be stored.
    """
    header, contents = [], []
    stored: dict[tuple, _Entry] = {}
    for name, tensor in state.items():
        place = _place(tensor)
        if place in stored:
            entry = stored[place].model_copy(update={"name": name, "same_as": stored[place].name})
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
        header.append(entry.model_dump(exclude_none=True))
    told = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    body = b"".join([_LENGTH.pack(len(told)), told, *contents])
    version = 1 if all("same_as" not in entry for entry in header) else 2
    return _START.pack(MAGIC, version, zlib.crc32(body)) + body


def _place(tensor: Tensor) -> tuple:
    """Return what two tensors have in common that are one in memory; nothing where there is none."""
    if tensor.layout != torch.strided or tensor.is_meta or not tensor.numel():
        return ()
    return tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()


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
        The ``state_dict``, bit by bit as it was written; tied tensors are one again.

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
        entries = _HEADER.validate_json(bytes(body[_LENGTH.size : _LENGTH.size + length]))
        return _tensors(entries, body[_LENGTH.size + length :])
    except (ValueError, KeyError):  # a validation error is a ValueError
        raise UserError(damaged) from None


def _tensors(entries: list[_Entry], payload: memoryview) -> dict[str, Tensor]:
    state, start = {}, 0
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
        If a tensor cannot be stored.
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
