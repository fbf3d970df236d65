"""Read and write ``.safetensors``: a JSON header with types, shapes and places, then the tensors.

The format is https://github.com/huggingface/safetensors#format; its package is not needed.
"""

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

_LENGTH = struct.Struct("<Q")
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "C64": torch.complex64,
}


def begins(content: bytes) -> bool:
    """Tell whether a file begins as one of this format does."""
    return content[_LENGTH.size : _LENGTH.size + 1] == b"{"


def from_bytes(content: bytes) -> dict[str, Tensor]:
    """Read the tensors out of a file's content."""
    try:
        (length,) = _LENGTH.unpack_from(content)
        if length > len(content) - _LENGTH.size:
            raise ValueError("its header is cut off")
        header = json.loads(content[_LENGTH.size : _LENGTH.size + length])
        header.pop("__metadata__", None)
        payload = memoryview(content)[_LENGTH.size + length :]
        state = {name: _tensor(entry, payload) for name, entry in header.items()}
        spans = sorted(tuple(entry["data_offsets"]) for entry in header.values())
    except (struct.error, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no header of safetensors ({error!r})") from None
    ends = [0, *(end for _, end in spans)]
    if ends != [*(start for start, _ in spans), len(payload)]:
        raise ValueError("its tensors do not fill the file")
    return state


def metadata(content: bytes) -> dict[str, str]:
    """Read what a file says of itself."""
    (length,) = _LENGTH.unpack_from(content)
    found = json.loads(content[_LENGTH.size : _LENGTH.size + length]).get("__metadata__", {})
    return dict(found) if isinstance(found, dict) else {}


def to_bytes(tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> bytes:
    """Write tensors."""
    names = {dtype: name for name, dtype in _DTYPES.items()}
    header: dict[str, Any] = {"__metadata__": dict(about)}
    parts = []
    end = 0
    for name, tensor in tensors.items():
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        part = flat.view(torch.uint8).numpy().tobytes()
        places = [end, end + len(part)]
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": places,
        }
        parts.append(part)
        end = places[1]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format wants tensors to begin at a multiple of 8
    return b"".join([_LENGTH.pack(len(text)), text, *parts])


def _tensor(entry: dict[str, Any], payload: memoryview) -> Tensor:
    if entry["dtype"] not in _DTYPES:
        raise ValueError(f"it has tensors of the unknown type {entry['dtype']}")
    dtype, shape = _DTYPES[entry["dtype"]], [int(size) for size in entry["shape"]]
    start, end = entry["data_offsets"]
    values = bytearray(payload[start:end])
    if min([0, start, *shape]) < 0 or not (
        end - start == len(values) == math.prod(shape) * dtype.itemsize
    ):
        raise ValueError("a tensor does not have the length of its shape")
    if not values:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(values, dtype=dtype).reshape(shape)
