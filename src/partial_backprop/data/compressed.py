"""Pictures that stay compressed in memory and are decoded when they are asked for.

Eight thousand photographs of 256×256 pixels take 1.5 GiB; as JPEG they take a tenth of it.
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from partial_backprop.data.pictures import decode, pixels
from partial_backprop.errors import UserError

if TYPE_CHECKING:
    from PIL import Image


class CompressedPictures:
    """Compressed pictures that look like an array of pixels."""

    def __init__(
        self, contents: Sequence[bytes], side: int, complain: Callable[[int, str], UserError]
    ) -> None:
        self._contents = contents
        self._side = side
        self._complain = complain

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Number of pictures, channels, height and width."""
        return len(self._contents), 3, self._side, self._side

    def __len__(self) -> int:
        return len(self._contents)

    def __getitem__(self, which: int | slice | Sequence[int] | np.ndarray) -> np.ndarray:
        """Decode some of the pictures."""
        # Shapes: result (n, 3, side, side)
        chosen = np.arange(len(self))[which]
        if chosen.ndim == 0:
            return self._decode(int(chosen))
        found = np.empty((len(chosen), *self.shape[1:]), dtype=np.uint8)
        for place, index in enumerate(chosen):
            found[place] = self._decode(int(index))
        return found

    def _decode(self, index: int) -> np.ndarray:
        try:
            picture, _ = decode(self._contents[index])
        except ValueError as error:
            raise self._complain(index, f"has {error}") from None
        return pixels(scaled(picture, self._side))

    def stored_square(self) -> int | None:
        """Tell whether somebody has scaled the pictures to squares of one size before."""
        sizes = {_size(content) for content in self._contents}
        width, height = sizes.pop() if len(sizes) == 1 else (0, 0)
        return width if width == height > 0 else None

    def fingerprint(self) -> bytes:
        """Hash the compressed pictures and their size."""
        digest = hashlib.sha256(repr(self.shape).encode())
        for content in self._contents:
            digest.update(len(content).to_bytes(8, "big") + content)
        return digest.digest()


def _size(content: bytes) -> tuple[int, int]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as picture:
            return picture.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return 0, 0  # told when it is decoded


def scaled(picture: "Image.Image", side: int) -> "Image.Image":
    """Scale a picture to a square, whatever its proportions."""
    if picture.size == (side, side):
        return picture
    from PIL import Image

    return picture.resize((side, side), Image.Resampling.BILINEAR)
