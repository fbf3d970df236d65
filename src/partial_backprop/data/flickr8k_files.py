"""Flickr8k in the files that its authors gave: photographs, captions and three lists."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from partial_backprop.data.captioned import CaptionedImages, how_many
from partial_backprop.data.compressed import CompressedPictures
from partial_backprop.data.files import content_of, damaged
from partial_backprop.errors import UserError

IMAGES = ("Images", "Flicker8k_Dataset")
"""Folders that may hold the photographs; the second is spelled so."""

CAPTIONS = ("captions.txt", "Flickr8k.token.txt")
"""Files that may hold the captions: comma-separated with a heading, or the authors' own form."""

LISTS = {
    "train": "Flickr_8k.trainImages.txt",
    "validation": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
"""Part of the data -> file that lists its photographs, one a line."""


def read(folder: Path, part: str, n: int | None, side: int) -> CaptionedImages:
    """Read a part."""
    images = _find(folder, IMAGES, "the photographs")
    texts = _find(folder, CAPTIONS, "the captions")
    listed = _find(folder, (LISTS[part],), f"the list of {part} images")
    names = [line.strip() for line in _lines(listed) if line.strip()]
    if not names:
        raise damaged(listed, "lists no images")
    names = names[: how_many(n, len(names), f"{part} images of {folder.name}")]
    by_name: dict[str, list[str]] = {}
    for name, caption in _captions(texts):
        if caption.strip():
            by_name.setdefault(name, []).append(caption.strip())
    for name in names:
        if name not in by_name:
            raise damaged(texts, f"has no caption of {name}")
    paths = [images / name for name in names]
    pictures = CompressedPictures(
        [content_of(path) for path in paths], side, lambda index, why: damaged(paths[index], why)
    )
    return CaptionedImages(pictures, tuple(tuple(by_name[name]) for name in names))


def _find(folder: Path, names: tuple[str, ...], what: str) -> Path:
    for path in (place / name for place in (folder, folder / "Flickr8k_text") for name in names):
        if path.exists():
            return path
    raise UserError(
        f"{folder} has neither parquet shards nor {' or '.join(names)} with {what}: put there "
        "train-*.parquet, validation-*.parquet and test-*.parquet, or the photographs in Images, "
        f"captions.txt and {', '.join(LISTS.values())}; or set data_root to the folder above"
    )


def _text(path: Path) -> str:
    try:
        # Line ends as they are: in quotes they belong to a caption.
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise damaged(path, f"cannot be read ({error})") from None


def _lines(path: Path) -> list[str]:
    """Split at line breaks alone, unlike `str.splitlines`, which takes form feeds for such."""
    return re.split(r"\r\n|\r|\n", _text(path))


def _captions(path: Path) -> Iterator[tuple[str, str]]:
    if path.name == CAPTIONS[0]:
        return _comma_separated(path)
    return _tokens(path)


def _comma_separated(path: Path) -> Iterator[tuple[str, str]]:
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    line = 1  # on which an entry begins
    try:
        if next(reader, None) != ["image", "caption"]:
            raise damaged(path, "does not begin with the heading image,caption")
        line = reader.line_num + 1
        for row in reader:
            if any(cell.strip() for cell in row):
                if len(row) != 2:
                    raise UserError(f"{_entry(path, line)}, but {len(row)} columns, not 2: mend it")
                yield row[0].strip(), row[1]
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{_entry(path, line)} ({error}): put quotes around the whole caption and double those "
            "inside it"
        ) from None


def _tokens(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            name, tab, caption = line.partition("\t")
            if not tab:
                raise UserError(f"{_entry(path, number)}: put a tab between the two")
            yield re.sub(r"#\d+$", "", name.strip()), caption


def _entry(path: Path, line: int) -> str:
    return f"{path} has no photograph and caption in line {line}"
