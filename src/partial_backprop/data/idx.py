"""MNIST's file format, IDX, and the four files that MNIST and its successors consist of."""

import gzip
import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from partial_backprop.data.dataset import Dataset
from partial_backprop.data.examples import Examples, subset
from partial_backprop.data.files import check_md5, content_of, damaged, fetch

IMAGES, LABELS = "{}-images-idx3-ubyte", "{}-labels-idx1-ubyte"


@dataclass(frozen=True)
class Published:
    """Facts about a data set that was published as four IDX files."""

    name: str  # name by which records call it
    # class in `torchvision.datasets`, and name of the folder in torchvision's layout
    torchvision_class: str
    md5: Mapping[str, str]  # file name without ``.gz`` to the MD5 of the unpacked file
    classes: tuple[str, ...]  # name of each class
    # mean, std: normalisation, for pixels scaled to [0, 1]
    mean: float
    std: float


def read(path: Path) -> bytes:
    """Read a file, unpacking it if its name ends in ``.gz``."""
    content = content_of(path)
    try:
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise damaged(path, "is truncated or no gzip file") from None


def parse(content: bytes, n_dimensions: int, path: Path) -> np.ndarray:
    """Read an array of bytes in IDX format."""
    magic = bytes((0, 0, 8, n_dimensions))
    if content[:4] != magic:
        kind = {1: "labels", 3: "images"}[n_dimensions]
        raise damaged(
            path, f"holds no IDX {kind} (it starts with {content[:4].hex()}, not {magic.hex()})"
        )
    start = 4 + 4 * n_dimensions
    if len(content) < start:
        raise damaged(path, f"is truncated ({len(content)} bytes)")
    shape = struct.unpack(f">{n_dimensions}I", content[4:start])
    expected = start + math.prod(shape)
    if len(content) != expected:
        problem = "is truncated" if len(content) < expected else "is too long"
        raise damaged(path, f"{problem} ({len(content)} bytes, its header says {expected})")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _find(folder: Path, stem: str) -> Path | None:
    for path in (folder / stem, folder / f"{stem}.gz"):
        if path.exists():
            return path
    return None


def _examples(folder: Path, part: str, published: Published) -> Examples:
    paths = [_find(folder, stem.format(part)) for stem in (IMAGES, LABELS)]
    contents = [read(path) for path in paths]
    images, labels = parse(contents[0], 3, paths[0]), parse(contents[1], 1, paths[1])
    if len(images) != len(labels):
        raise damaged(paths[1], f"has {len(labels)} labels for the {len(images)} images beside it")
    if labels.size and labels.max() >= len(published.classes):
        raise damaged(
            paths[1], f"has a label {labels.max()}, but there are {len(published.classes)} classes"
        )
    # Last, so that a file with a defect that can be named is told so.
    for path, content in zip(paths, contents, strict=True):
        check_md5(path, content, published.md5[path.name.removesuffix(".gz")])
    return Examples(images[:, None].copy(), labels.astype(np.int64))


def load_published(
    published: Published, root: Path, n_train: int | None, n_test: int | None
) -> Dataset:
    """Load four IDX files, downloading them if they are not there."""
    folder = root / published.torchvision_class / "raw"
    absent = [name for name in published.md5 if _find(folder, name) is None]
    fetch(published.torchvision_class, folder, absent)
    train = _examples(folder, "train", published)
    test = _examples(folder, "t10k", published)
    return Dataset(
        name=published.name,
        train=subset(train, n_train, f"training images of {published.name}"),
        test=subset(test, n_test, f"test images of {published.name}"),
        classes=published.classes,
        mean=(published.mean,),
        std=(published.std,),
    )
