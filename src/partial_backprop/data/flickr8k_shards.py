"""Flickr8k in Hugging Face parquet shards."""

from pathlib import Path

from partial_backprop.data.captioned import N_CAPTIONS, CaptionedImages, how_many
from partial_backprop.data.compressed import CompressedPictures
from partial_backprop.data.files import damaged
from partial_backprop.data.shards import find
from partial_backprop.errors import UserError

CAPTIONS = tuple(f"caption_{number}" for number in range(N_CAPTIONS))
"""Columns with the captions; null or blank where one is missing."""

COLUMNS = ("image", *CAPTIONS)


def read(folder: Path, part: str, n: int | None, side: int) -> CaptionedImages:
    """Read a part."""
    contents: list[bytes] = []
    captions: list[tuple[str, ...]] = []
    where: list[tuple[Path, int]] = []
    for shard in find(folder, part):
        some_contents, some_captions = _read(shard)
        contents += some_contents
        captions += some_captions
        where += [(shard, row) for row in range(len(some_contents))]
    if not contents:
        raise damaged(find(folder, part)[0], "holds no images")
    taken = how_many(n, len(contents), f"{part} images of {folder.name}")
    for (shard, row), present in zip(where[:taken], captions, strict=False):
        if not present:
            raise damaged(shard, f"has in row {row} no caption")

    def complain(index: int, reason: str) -> UserError:
        shard, row = where[index]
        return damaged(shard, f"in row {row} {reason}")

    pictures = CompressedPictures(contents[:taken], side, complain)
    return CaptionedImages(pictures, tuple(captions[:taken]))


def _read(shard: Path) -> tuple[list[bytes], list[tuple[str, ...]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(shard) as file:
            rows = file.read(columns=list(COLUMNS)).to_pylist()
        contents = [row["image"]["bytes"] or b"" for row in rows]
        captions = [
            tuple(text.strip() for name in CAPTIONS if (text := row[name]) and text.strip())
            for row in rows
        ]
    except (OSError, KeyError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:120]
        raise damaged(
            shard, f"has no readable columns image.bytes and caption_0 to caption_4 ({reason})"
        ) from None
    return contents, captions
