"""CIFAR-10's pictures from Hugging Face parquet shards, named after their encoding."""

from pathlib import Path
from typing import Any

import numpy as np

from partial_backprop.data.cifar10 import CLASSES, MEAN, STD
from partial_backprop.data.dataset import Dataset
from partial_backprop.data.examples import Examples, balanced
from partial_backprop.data.files import damaged
from partial_backprop.data.pictures import decode, pixels
from partial_backprop.data.shards import locate, read
from partial_backprop.errors import UserError

COLUMNS = ("img", "label")


def _row(values: dict[str, Any]) -> tuple[bytes, int]:
    return values["img"]["bytes"] or b"", int(values["label"])


def _examples(folder: Path, part: str, n: int | None) -> tuple[Examples, set[str]]:
    rows, where = read(folder, part, COLUMNS, "img.bytes and label", _row)
    labels = np.array([label for _, label in rows], dtype=np.int64)
    for index in np.flatnonzero((labels < 0) | (labels >= len(CLASSES))):
        shard, row = where[index]
        raise damaged(shard, f"has in row {row} the label {labels[index]}, not one from 0 to 9")
    chosen = balanced(labels, n, f"{part} images of {folder.name}")
    images = np.empty((len(chosen), 3, 32, 32), dtype=np.uint8)
    encodings = set()
    for i, index in enumerate(chosen):
        shard, row = where[index]
        try:
            picture, encoding = decode(rows[index][0])
        except ValueError as error:
            raise damaged(shard, f"has in row {row} {error}") from None
        if picture.size != (32, 32):
            width, height = picture.size
            raise damaged(shard, f"has in row {row} a picture of {width}×{height}, not 32×32")
        images[i] = pixels(picture)
        encodings.add(encoding)
    return Examples(images, labels[chosen]), encodings


def load(
    root: Path,
    *,
    # Folder below it, with ``train-*.parquet`` and ``test-*.parquet``, whose columns are
    # ``img.bytes`` and ``label``; where it has none, they are sought by these columns (see
    # `locate`)
    folder: str = "cifar10-jpeg",
    # n_train, n_test: how many images, chosen evenly over the classes; None takes all
    n_train: int | None = None,
    n_test: int | None = None,
) -> Dataset:
    """Load the pictures of CIFAR-10 from parquet shards."""
    # The name of the data set is ``cifar10-`` and the encoding that was found, ``cifar10-jpeg`` or
    # ``cifar10-png``, and never ``cifar10``: a JPEG copy has other pixels than the published files,
    # and of no copy can it be checked here that it has the same
    where = locate(root, folder, "train", COLUMNS) or root / folder
    train, train_encodings = _examples(where, "train", n_train)
    test, test_encodings = _examples(where, "test", n_test)
    encodings = train_encodings | test_encodings
    if len(encodings) > 1:
        raise UserError(
            f"{where} mixes the encodings {' and '.join(sorted(encodings))}: keep the shards of one"
        )
    return Dataset(f"cifar10-{encodings.pop()}", train, test, CLASSES, MEAN, STD)
