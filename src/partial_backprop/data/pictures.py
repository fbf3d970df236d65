"""Decode compressed pictures to arrays."""

import io

import numpy as np
from PIL import Image

_PROBLEMS = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def decode(content: bytes) -> tuple[Image.Image, str]:
    """Decode a picture.

    Parameters
    ----------
    content : bytes
        A file in any format that Pillow knows.

    Returns
    -------
    picture : PIL.Image.Image
        The picture in RGB.
    encoding : str
        Name of its format in lower case, such as ``jpeg`` or ``png``.

    Raises
    ------
    ValueError
        If it is no picture or is truncated.
    """
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return picture.convert("RGB"), picture.format.lower()
    except _PROBLEMS as error:
        raise ValueError(f"no whole picture: {error}") from None


def crop_to_square(picture: Image.Image, size: int) -> Image.Image:
    """Scale a picture and cut its middle out, as is usual for testing on ImageNet.

    The shorter side becomes ``size / 0.875`` pixels (256 for 224), bilinear with Pillow's
    antialiasing, and the central square of `size` pixels is kept: torchvision's ``Resize`` and
    ``CenterCrop``.

    Parameters
    ----------
    picture : PIL.Image.Image
        Picture of any size.
    size : int
        Side of the square, pixels.

    Returns
    -------
    PIL.Image.Image
        Picture of ``size × size`` pixels.
    """
    shorter = round(size / 0.875)
    scale_of = min(picture.size)
    width, height = (int(shorter * side / scale_of) for side in picture.size)
    left, top = round((width - size) / 2), round((height - size) / 2)
    scaled = picture.resize((width, height), Image.Resampling.BILINEAR)
    return scaled.crop((left, top, left + size, top + size))


def pixels(picture: Image.Image) -> np.ndarray:
    """Return a picture as an array.

    Parameters
    ----------
    picture : PIL.Image.Image
        Picture in RGB.

    Returns
    -------
    ndarray of uint8, of shape (3, H, W)
        Its pixels.
    """
    return np.asarray(picture).transpose(2, 0, 1)
