"""Captions in pictures: the image, and at each word where the decoder looked."""

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from partial_backprop.errors import UserError
from partial_backprop.figures import style
from partial_backprop.files import write_atomically
from partial_backprop.measurements.caption_examples import Example

GLOW = 0.55
"""Share of white where the decoder looked most; the rest is the image."""

SIDE = 160
"""Pixels of a picture's longer side in print; larger images are scaled down."""

KINDS = (".png", ".pdf", ".svg")
"""Ends of the names of files that `save` writes."""

_GREY = np.full((SIDE, SIDE, 3), 160, dtype=np.uint8)
"""Stands for an image that is not there."""

_HEIGHT_IN = 7.4
"""Height of all pictures together, at most, in inches: a page has room for it."""

_TITLE_IN = 0.17
"""Height of the word above a picture, in inches."""


def lit(image: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """Let an image glow where the decoder looked."""
    height, width, _ = image.shape
    weights = Image.fromarray(np.asarray(attention, dtype=np.float32))
    weight = np.asarray(weights.resize((width, height), Image.Resampling.BILINEAR))
    largest = float(np.max(attention))
    relative = weight / largest if largest > 0 else np.zeros_like(weight)
    white = 255 * relative.clip(0, 1)[..., None]
    return np.rint((1 - GLOW) * image + GLOW * white).astype(np.uint8)


def small(image: np.ndarray) -> np.ndarray:
    """Scale an image down to its size in print."""
    height, width, _ = image.shape
    scale = SIDE / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def layout(lengths: Sequence[int]) -> tuple[int, list[int]]:
    """Arrange pictures in a grid that fits a page."""
    for n_columns in range(8, 25):
        rows = [max(1, math.ceil(length / (n_columns - 1))) for length in lengths]
        if sum(rows) * (style.WIDTH_IN / n_columns + _TITLE_IN) <= _HEIGHT_IN:
            break
    return n_columns, rows


def draw(examples: Sequence[Example], margin_in: float = 0.0) -> Figure:
    """Draw captions, each as its image followed by one picture a word."""
    n_columns, rows = layout([len(example.words) for example in examples])
    cell = style.WIDTH_IN / n_columns
    figure, panels = style.panels([cell + _TITLE_IN] * sum(rows), n_columns, margin_in)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0.02, hspace=0.02)
    for panel in panels.flat:
        panel.set_axis_off()
    first = 0
    for example, n_rows in zip(examples, rows, strict=True):
        mine = panels[first : first + n_rows]
        image = _GREY if example.image is None else small(example.image)
        _picture(mine[0, 0], image, "")
        if example.image is None:
            _say(mine[0, 0], f"picture\nnot available:\nimage {example.index}")
        shown = zip(mine[:, 1:].flat, example.words, example.attention, strict=False)
        for panel, word, attention in shown:
            _picture(panel, lit(image, attention), word)
        first += n_rows
    return figure


def _picture(panel: Axes, image: np.ndarray, word: str) -> None:
    panel.imshow(image)
    # Longer words are printed smaller, so that neighbours do not meet.
    panel.set_title(word, loc="center", pad=2, fontsize=min(7, 56 / max(len(word), 1)))


def _say(panel: Axes, text: str) -> None:
    panel.text(0.5, 0.5, text, transform=panel.transAxes, ha="center", va="center", fontsize=7)


def check_kind(path: Path) -> None:
    """Hold the name of a file to a kind that can be written."""
    if path.suffix.lower() not in KINDS:
        raise UserError(f"cannot write {path}: let its name end in {', '.join(KINDS)}")


def save(examples: Sequence[Example], path: Path) -> None:
    """Draw captions in the paper's style, and write the figure."""
    check_kind(path)
    buffer = io.BytesIO()
    with style.applied():
        draw(examples).savefig(buffer, format=path.suffix.lower()[1:])
    write_atomically(path, buffer.getvalue())
