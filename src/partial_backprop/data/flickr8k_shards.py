"""Flickr8k in Hugging Face parquet shards."""

from pathlib import Path
from typing import Any

from partial_backprop.data import shards
from partial_backprop.data.captioned import N_CAPTIONS, CaptionedImages, how_many
from partial_backprop.data.compressed import CompressedPictures
from partial_backprop.data.files import damaged
from partial_backprop.errors import UserError

CAPTIONS = tuple(f"caption_{number}" for number in range(N_CAPTIONS))
"""Columns with the captions; null or blank where one is missing."""

COLUMNS = ("image", *CAPTIONS)


def read(folder: Path, part: str, n: int | None, side: int) -> CaptionedImages:
    """Read a part."""
    what = "image.bytes and caption_0 to caption_4"
    rows, where = shards.read(folder, part, COLUMNS, what, _row)
    rows = rows[: how_many(n, len(rows), f"{part} images of {folder.name}")]
    for (shard, row), (_, captions) in zip(where, rows, strict=False):
        if not captions:
            raise damaged(shard, f"has in row {row} no caption")

    def complain(index: int, reason: str) -> UserError:
        shard, row = where[index]
        return damaged(shard, f"in row {row} {reason}")

    pictures = CompressedPictures([content for content, _ in rows], side, complain)
    return CaptionedImages(pictures, tuple(captions for _, captions in rows))


def _row(values: dict[str, Any]) -> tuple[bytes, tuple[str, ...]]:
    texts = (values[name] for name in CAPTIONS)
    captions = tuple(text.strip() for text in texts if text and text.strip())
    return values["image"]["bytes"] or b"", captions
