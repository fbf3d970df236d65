"""Flickr8k: 8,000 photographs of people and animals, with five captions each."""

from pathlib import Path

from partial_backprop.data import flickr8k_files, flickr8k_shards, shards
from partial_backprop.data.captioned import CaptionedDataset
from partial_backprop.data.image_folder import MEAN, STD
from partial_backprop.errors import UserError

PARTS = ("train", "validation", "test")


def load(
    root: Path,
    *,
    # Folder below it, with either ``train-*.parquet``, ``validation-*.parquet`` and
    # ``test-*.parquet``, whose columns are ``image.bytes`` and ``caption_0`` to ``caption_4``
    # (where it has none, they are sought by these columns, see `shards.locate`); or the photographs
    # in ``Images`` or ``Flicker8k_Dataset``, the captions in ``captions.txt`` or
    # ``Flickr8k.token.txt``, and the lists ``Flickr_8k.trainImages.txt``,
    # ``Flickr_8k.devImages.txt`` and ``Flickr_8k.testImages.txt``, these texts also in a folder
    # ``Flickr8k_text``
    folder: str = "flickr8k",
    # Height and width to which each photograph is scaled, whatever its proportions, pixels; 256 in
    # the source. They stay compressed in memory
    side: int = 256,
    # n_train, n_validation, n_test: how many of the 6,000, 1,000 and 1,000 images, the first of
    # each part; None takes all
    n_train: int | None = None,
    n_validation: int | None = None,
    n_test: int | None = None,
) -> CaptionedDataset:
    """Load Flickr8k from parquet shards, or from the files as their authors gave them."""
    # Source: M. Hodosh, P. Young and J. Hockenmaier, "Framing image description as a ranking task",
    # Journal of Artificial Intelligence Research 47, 2013; pb2020, section 4.2.
    if side < 1:
        raise UserError(f"side is {side}: choose 1 or more pixels")
    where = root / folder
    found = shards.locate(root, folder, "train", flickr8k_shards.COLUMNS)
    if found or list(where.glob("*.parquet")):
        where, read = found or where, flickr8k_shards.read
    else:
        read = flickr8k_files.read
    sizes = (n_train, n_validation, n_test)
    parts = [read(where, part, n, side) for part, n in zip(PARTS, sizes, strict=True)]
    squares = {part.images.stored_square() for part in parts}
    square = squares.pop() if len(squares) == 1 else None
    name = "flickr8k" if square is None else f"flickr8k-{square}px"
    return CaptionedDataset(name, *parts, MEAN, STD)
