"""Captions that are shown: images, words, and where the decoder looked at each word.

Legend: K captions, T words of the longest, image of H × W pixels, h × w locations of its features.
"""

import dataclasses
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.record import Record

NAME = "examples.npz"
"""File beside the record of a run that captions images."""

PICTURES = "pictures.npz"
"""File beside it with the images of a user's own copy of the data, where `NAME` was published without."""

GENERATED = ("captioned_scenes",)
"""Data sets with captions whose images are nobody's."""

_PROBLEMS = (EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)


@dataclasses.dataclass(frozen=True)
class Example:
    """One image with its caption.

    Parameters
    ----------
    index : int
        Number of the image among the test images, from 0.
    image : ndarray of uint8, of shape (H, W, 3), or None
        The image as the encoder got it, before normalisation; None where it may not be passed on.
    words : tuple of str
        The caption, without start and end.
    attention : ndarray of float32, of shape (words, h, w)
        Weight of each location at each word; sums to 1 over the locations.
    sha256 : str, optional
        `checksum` of the image, by which it is known where it is absent.

    Raises
    ------
    ValueError
        If the shapes are others, or there is not one map a word.
    """

    index: int
    image: np.ndarray | None
    words: tuple[str, ...]
    attention: np.ndarray
    sha256: str = ""

    def __post_init__(self) -> None:
        if self.image is not None:
            self._check_image()
        if self.attention.ndim != 3 or len(self.attention) != len(self.words):
            raise ValueError(
                f"{len(self.words)} words need attention of shape ({len(self.words)}, h, w), "
                f"not {self.attention.shape}"
            )

    def _check_image(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(f"an image is (H, W, 3) of uint8, this {self.image.shape}")
        if self.sha256 not in ("", checksum(self.image)):
            raise ValueError(f"the picture of test image {self.index} is not the one captioned")


def checksum(image: np.ndarray) -> str:
    """Hash an image.

    Parameters
    ----------
    image : ndarray of uint8, of shape (H, W, 3)
        The image.

    Returns
    -------
    str
        SHA-256 of its shape and pixels.
    """
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()


def may_be_passed_on(made: Record) -> bool:
    """Tell whether the images that a run captioned may be shown to others.

    Parameters
    ----------
    made : Record
        Of the run.

    Returns
    -------
    bool
        Whether they were generated; photographs have owners.
    """
    return made.config.data is not None and made.config.data.dataset["name"] in GENERATED


def without_images(examples: Sequence[Example]) -> tuple[Example, ...]:
    """Leave the images out, for data whose photographs may not be passed on.

    Parameters
    ----------
    examples : sequence of Example
        With or without images.

    Returns
    -------
    tuple of Example
        Number and checksum of each image, its words and attention.
    """
    return tuple(
        dataclasses.replace(one, image=None, sha256=one.sha256 or checksum(one.image))
        for one in examples
    )


def save(examples: Sequence[Example], path: Path) -> None:
    """Write examples, the same ones as the same bytes.

    Parameters
    ----------
    examples : sequence of Example
        K of them, whose images have one size and whose maps have one; all have images, or none.
    path : pathlib.Path
        Where to; either the whole file appears there, or none.

    Notes
    -----
    Arrays of a zip archive, without pickle: ``images`` (K, H, W, 3), or (0, 0, 0, 3) where they are
    left out, ``attention`` (K, T, h, w), zero after a caption's end, ``index`` (K,), and as JSON
    ``words`` and ``sha256``.
    """
    longest = max((len(example.words) for example in examples), default=0)
    grid = examples[0].attention.shape[1:] if examples else (0, 0)
    attention = np.zeros((len(examples), longest, *grid), dtype=np.float32)
    for row, example in zip(attention, examples, strict=True):
        row[: len(example.words)] = example.attention
    images = [example.image for example in examples if example.image is not None]
    sums = [example.sha256 or checksum(example.image) for example in examples]
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        images=np.stack(images) if images else np.zeros((0, 0, 0, 3), dtype=np.uint8),
        words=np.array(json.dumps([example.words for example in examples])),
        sha256=np.array(json.dumps(sums)),
        attention=attention,
        index=np.array([example.index for example in examples], dtype=np.int64),
    )
    write_atomically(path, buffer.getvalue())


def read(path: Path) -> tuple[Example, ...]:
    """Read examples.

    Parameters
    ----------
    path : pathlib.Path
        File that `save` wrote. Images that it lacks are taken from `PICTURES` beside it, where there
        is such a file.

    Returns
    -------
    tuple of Example
        The examples.

    Raises
    ------
    UserError
        If the file is missing or damaged.
    """
    remedy = f"delete {path.with_name('record.json')} and run it again"
    try:
        with np.load(path, allow_pickle=False) as found:
            words = json.loads(str(found["words"]))
            n = len(words)
            images = found["images"]
            if not len(images):
                images = _pictures(path.with_name(PICTURES), n)
            sums = json.loads(str(found["sha256"])) if "sha256" in found else [""] * n
            parts = (found["index"], images, words, found["attention"], sums)
            return tuple(
                Example(int(index), image, tuple(caption), attention[: len(caption)], sha256)
                for index, image, caption, attention, sha256 in zip(*parts, strict=True)
            )
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; {remedy}") from None
    except _PROBLEMS as error:
        raise UserError(f"{path} is damaged ({' '.join(str(error).split())}): {remedy}") from None


def _pictures(path: Path, n: int) -> Sequence[np.ndarray | None]:
    if not path.exists():
        return [None] * n
    try:
        with np.load(path, allow_pickle=False) as found:
            return found["images"]
    except _PROBLEMS as error:
        raise UserError(f"{path} is damaged ({' '.join(str(error).split())}): delete it") from None


def save_pictures(images: Sequence[np.ndarray], path: Path) -> None:
    """Write the images that examples lack, from a user's own copy of the data.

    Parameters
    ----------
    images : sequence of ndarray of uint8, of shape (H, W, 3)
        One for each example, in their order.
    path : pathlib.Path
        A file of the name `PICTURES` beside theirs.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=np.stack(images))
    write_atomically(path, buffer.getvalue())
