"""Captions that are shown: images, words, and where the decoder looked at each word.

Legend: K captions, T words of the longest, image of H × W pixels, h × w locations of its features.
"""

import dataclasses
import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically

NAME = "examples.npz"
"""File beside the record of a run that captions images."""

_PROBLEMS = (EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)


@dataclasses.dataclass(frozen=True)
class Example:
    """One image with its caption.

    Parameters
    ----------
    index : int
        Number of the image among the test images, from 0.
    image : ndarray of uint8, of shape (H, W, 3)
        The image as the encoder got it, before normalisation.
    words : tuple of str
        The caption, without start and end.
    attention : ndarray of float32, of shape (words, h, w)
        Weight of each location at each word; sums to 1 over the locations.

    Raises
    ------
    ValueError
        If the shapes are others, or there is not one map a word.
    """

    index: int
    image: np.ndarray
    words: tuple[str, ...]
    attention: np.ndarray

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(f"an image is (H, W, 3) of uint8, this {self.image.shape}")
        if self.attention.ndim != 3 or len(self.attention) != len(self.words):
            raise ValueError(
                f"{len(self.words)} words need attention of shape ({len(self.words)}, h, w), "
                f"not {self.attention.shape}"
            )


def save(examples: Sequence[Example], path: Path) -> None:
    """Write examples, the same ones as the same bytes.

    Parameters
    ----------
    examples : sequence of Example
        K of them, whose images have one size and whose maps have one.
    path : pathlib.Path
        Where to; either the whole file appears there, or none.

    Notes
    -----
    Arrays of a zip archive, without pickle: ``images`` (K, H, W, 3), ``attention`` (K, T, h, w),
    zero after a caption's end, ``index`` (K,), and ``words`` as JSON.
    """
    longest = max((len(example.words) for example in examples), default=0)
    grid = examples[0].attention.shape[1:] if examples else (0, 0)
    attention = np.zeros((len(examples), longest, *grid), dtype=np.float32)
    for row, example in zip(attention, examples, strict=True):
        row[: len(example.words)] = example.attention
    images = [example.image for example in examples]
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        images=np.stack(images) if images else np.zeros((0, 0, 0, 3), dtype=np.uint8),
        words=np.array(json.dumps([example.words for example in examples])),
        attention=attention,
        index=np.array([example.index for example in examples], dtype=np.int64),
    )
    write_atomically(path, buffer.getvalue())


def read(path: Path) -> tuple[Example, ...]:
    """Read examples.

    Parameters
    ----------
    path : pathlib.Path
        File that `save` wrote.

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
            parts = (found["index"], found["images"], words, found["attention"])
            return tuple(
                Example(int(index), image, tuple(caption), attention[: len(caption)])
                for index, image, caption, attention in zip(*parts, strict=True)
            )
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; {remedy}") from None
    except _PROBLEMS as error:
        raise UserError(f"{path} is damaged ({' '.join(str(error).split())}): {remedy}") from None
