"""Decode compressed pictures to arrays."""

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image


class DeepPixels(ValueError):
    """More than 8 bits a pixel, and nothing tells which value is white."""


def decode(
    content: bytes, pixel_range: tuple[float, float] | None = None
) -> "tuple[Image.Image, str]":
    """Decode a picture."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as picture:
            encoding = picture.format.lower()
            if picture.mode[0] in "IF":
                picture = _to_8_bits(np.asarray(picture), pixel_range)
            # Pillow keeps the upper 8 bits of 16-bit colours, so no other range can be had.
            elif ";16" in str(picture.tile) and tuple(pixel_range or ()) != (0, 65535):
                raise DeepPixels("colours of 16 bits, which can be read as 0 to 65535 only")
            return picture.convert("RGB"), encoding
    except DeepPixels:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"no whole picture: {error}") from None


def _to_8_bits(values: np.ndarray, pixel_range: tuple[float, float] | None) -> "Image.Image":
    from PIL import Image

    lowest, highest = values.min(), values.max()
    if pixel_range is None or not pixel_range[0] <= lowest <= highest <= pixel_range[1]:
        outside = f", outside {list(pixel_range)}" if pixel_range else ""
        raise DeepPixels(f"pixels from {lowest:g} to {highest:g}{outside}, not 8 bits")
    low, high = pixel_range
    scaled = (values.astype(np.float64) - low) * (255 / (high - low))
    return Image.fromarray(np.rint(scaled).astype(np.uint8))


def crop_to_square(picture: "Image.Image", size: int) -> "Image.Image":
    """Scale a picture and cut its middle out, as is usual for testing on ImageNet."""
    # The shorter side becomes ``size / 0.875`` pixels (256 for 224), bilinear with Pillow's
    # antialiasing, and the central square of `size` pixels is kept: torchvision's ``Resize`` and
    # ``CenterCrop``
    shorter = round(size / 0.875)
    scale_of = min(picture.size)
    width, height = (int(shorter * side / scale_of) for side in picture.size)
    left, top = round((width - size) / 2), round((height - size) / 2)
    from PIL import Image

    scaled = picture.resize((width, height), Image.Resampling.BILINEAR)
    return scaled.crop((left, top, left + size, top + size))


def pixels(picture: "Image.Image") -> np.ndarray:
    """Return a picture as an array."""
    # Shapes: result (3, H, W)
    return np.asarray(picture).transpose(2, 0, 1)
