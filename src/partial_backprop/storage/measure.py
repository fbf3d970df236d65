"""How many bytes weights take on disk, as they are and compressed.

Nothing is estimated: every size is that of a file that was written.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from partial_backprop.errors import UserError

ZSTD_LEVEL = 3
"""What the program ``zstd`` takes where nothing is said."""


class Sizes(NamedTuple):
    """Bytes of one content in three files."""

    n_bytes: int
    n_bytes_zip: int
    n_bytes_zstd: int


def as_torch_file(content: Mapping[str, Any]) -> bytes:
    """Lay out what `torch.save` writes."""
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    return buffer.getvalue()


def measure(content: bytes, folder: Path) -> Sizes:
    """Write a file as it is, in a zip archive and compressed by zstd, and look at their sizes."""
    import pyarrow as pa

    plain, zipped, zstd = (folder / f"weights{suffix}" for suffix in ("", ".zip", ".zst"))
    codec = pa.Codec("zstd", compression_level=ZSTD_LEVEL)
    try:
        plain.write_bytes(content)
        with zipfile.ZipFile(zipped, "w", compression=zipfile.ZIP_DEFLATED) as archive:
            archive.write(plain, plain.name)
        zstd.write_bytes(codec.compress(content, asbytes=True))
    except OSError as error:
        raise UserError(
            f"cannot write to {folder}: {error.strerror}; free space or set TMPDIR to another folder"
        ) from None
    return Sizes(*(path.stat().st_size for path in (plain, zipped, zstd)))
