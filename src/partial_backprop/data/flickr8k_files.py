"""Flickr8k in the files that its authors gave: photographs, captions and three lists."""

import csv
from collections.abc import Iterator
from pathlib import Path

from partial_backprop.data.captioned import CaptionedImages, how_many
from partial_backprop.data.compressed import CompressedPictures
from partial_backprop.data.files import damaged
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
    """Read a part.

    Parameters
    ----------
    folder : pathlib.Path
        Folder with the files.
    part : {"train", "validation", "test"}
        Part of the data.
    n : int or None
        How many images, the first of the part's list; None takes all.
    side : int
        Height and width to which they are scaled, pixels.

    Returns
    -------
    CaptionedImages
        The photographs, compressed, with the captions that are there.

    Raises
    ------
    UserError
        If a file is missing or damaged, an image has no caption, or there are not so many.
    """
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
        [_content(path) for path in paths], side, lambda index, why: damaged(paths[index], why)
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


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise damaged(path, f"cannot be read ({error})") from None


def _captions(path: Path) -> Iterator[tuple[str, str]]:
    lines = _lines(path)
    if path.name == CAPTIONS[0]:
        rows = [row for row in csv.reader(lines) if row]
        if not rows or rows[0] != ["image", "caption"]:
            raise damaged(path, "does not begin with the heading image,caption")
        rows = rows[1:]
    else:
        rows = [line.split("\t") for line in lines if line.strip()]
    for number, row in enumerate(rows, start=1):
        if len(row) != 2:
            raise damaged(path, f"has no photograph and caption in its entry {number}")
        yield row[0].partition("#")[0], row[1]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})") from None
