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
from typing import Any

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
    """One image with its caption."""

    index: int
    """Number of the image among the test images, from 0."""
    image: np.ndarray | None
    """As the encoder got it, before normalisation, (H, W, 3); None where it may not be passed on."""
    words: tuple[str, ...]
    attention: np.ndarray
    """Weight of each location at each word, (words, h, w); sums to 1 over the locations."""
    sha256: str = ""
    """`checksum` of the image, by which it is known where it is absent."""
    truth: tuple[str, ...] = ()
    """What a person wrote of the image; empty where that may not be passed on."""

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
    """Hash an image."""
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()


def may_be_passed_on(made: Record) -> bool:
    """Tell whether the images that a run captioned may be shown to others."""
    return made.config.data is not None and made.config.data.dataset["name"] in GENERATED


def without_images(examples: Sequence[Example]) -> tuple[Example, ...]:
    """Leave the images out, for data whose photographs may not be passed on."""
    return tuple(
        dataclasses.replace(one, image=None, truth=(), sha256=one.sha256 or checksum(one.image))
        for one in examples
    )


def save(examples: Sequence[Example], path: Path) -> None:
    """Write examples, the same ones as the same bytes."""
    # Arrays of a zip archive, without pickle: ``images`` (K, H, W, 3), or (0, 0, 0, 3) where they are
    # left out, ``attention`` (K, T, h, w), zero after a caption's end, ``index`` (K,), and as JSON
    # ``words``, ``sha256`` and, where there is any, ``truth``.
    longest = max((len(example.words) for example in examples), default=0)
    grid = examples[0].attention.shape[1:] if examples else (0, 0)
    attention = np.zeros((len(examples), longest, *grid), dtype=np.float32)
    for row, example in zip(attention, examples, strict=True):
        row[: len(example.words)] = example.attention
    images = [example.image for example in examples if example.image is not None]
    sums = [example.sha256 or checksum(example.image) for example in examples]
    truth = [example.truth for example in examples]
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        **({"truth": np.array(json.dumps(truth))} if any(truth) else {}),
        images=np.stack(images) if images else np.zeros((0, 0, 0, 3), dtype=np.uint8),
        words=np.array(json.dumps([example.words for example in examples])),
        sha256=np.array(json.dumps(sums)),
        attention=attention,
        index=np.array([example.index for example in examples], dtype=np.int64),
    )
    write_atomically(path, buffer.getvalue())


def read(path: Path) -> tuple[Example, ...]:
    """Read examples."""
    remedy = f"delete {path.with_name('record.json')} and run it again"
    try:
        with np.load(path, allow_pickle=False) as found:
            words = json.loads(str(found["words"]))
            n = len(words)
            images, truth = found["images"], _truth(found, n)
            if not len(images):
                images, truth = _pictures(path.with_name(PICTURES), n)
            sums = json.loads(str(found["sha256"])) if "sha256" in found else [""] * n
            parts = (found["index"], images, words, found["attention"], sums, truth)
            return tuple(
                Example(int(index), image, tuple(caption), attention[: len(caption)], sha256, true)
                for index, image, caption, attention, sha256, true in zip(*parts, strict=True)
            )
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; {remedy}") from None
    except _PROBLEMS as error:
        raise UserError(f"{path} is damaged ({' '.join(str(error).split())}): {remedy}") from None


def _truth(found: Any, n: int) -> list[tuple[str, ...]]:
    return [tuple(one) for one in json.loads(str(found["truth"]))] if "truth" in found else [()] * n


def _pictures(path: Path, n: int) -> tuple[Sequence[np.ndarray | None], Sequence[tuple[str, ...]]]:
    if not path.exists():
        return [None] * n, [()] * n
    try:
        with np.load(path, allow_pickle=False) as found:
            return found["images"], _truth(found, n)
    except _PROBLEMS as error:
        raise UserError(f"{path} is damaged ({' '.join(str(error).split())}): delete it") from None


def save_pictures(
    images: Sequence[np.ndarray], path: Path, truth: Sequence[tuple[str, ...]] = ()
) -> None:
    """Write the images that examples lack, and what is true of them, from a user's own copy of the data."""
    buffer = io.BytesIO()
    words = {"truth": np.array(json.dumps(truth))} if truth else {}
    np.savez_compressed(buffer, images=np.stack(images), **words)
    write_atomically(path, buffer.getvalue())
