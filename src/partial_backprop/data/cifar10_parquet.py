"""CIFAR-10's pictures from Hugging Face parquet shards, named after their encoding."""

from pathlib import Path

import numpy as np

from partial_backprop.data.cifar10 import CLASSES, MEAN, STD
from partial_backprop.data.dataset import Dataset
from partial_backprop.data.examples import Examples, balanced
from partial_backprop.data.files import damaged
from partial_backprop.data.pictures import decode, pixels
from partial_backprop.data.shards import find, locate
from partial_backprop.errors import UserError

COLUMNS = ("img", "label")


def _read(shard: Path) -> tuple[list[bytes], np.ndarray]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(shard) as file:
            table = file.read(columns=list(COLUMNS))
        contents = [value.get("bytes") for value in table["img"].to_pylist()]
        labels = table["label"].to_numpy().astype(np.int64)
    except (OSError, KeyError, ValueError, AttributeError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:120]
        raise damaged(shard, f"has no readable columns img.bytes and label ({reason})") from None
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(CLASSES):
        raise damaged(shard, f"has labels from {labels.min()} to {labels.max()}, not from 0 to 9")
    return contents, labels


def _examples(folder: Path, part: str, n: int | None) -> tuple[Examples, set[str]]:
    shards = find(folder, part)
    contents: list[bytes] = []
    where: list[tuple[Path, int]] = []
    labels: list[np.ndarray] = []
    for shard in shards:
        some_contents, some_labels = _read(shard)
        contents += some_contents
        where += [(shard, row) for row in range(len(some_labels))]
        labels.append(some_labels)
    all_labels = np.concatenate(labels)
    if not len(all_labels):
        raise damaged(shards[0], "holds no images")
    chosen = balanced(all_labels, n, f"{part} images of {folder.name}")
    images = np.empty((len(chosen), 3, 32, 32), dtype=np.uint8)
    encodings = set()
    for i, index in enumerate(chosen):
        shard, row = where[index]
        try:
            picture, encoding = decode(contents[index] or b"")
        except ValueError as error:
            raise damaged(shard, f"has in row {row} {error}") from None
        if picture.size != (32, 32):
            width, height = picture.size
            raise damaged(shard, f"has in row {row} a picture of {width}×{height}, not 32×32")
        images[i] = pixels(picture)
        encodings.add(encoding)
    return Examples(images, all_labels[chosen]), encodings


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
