"""Captions in pictures: the image, and at each word where the decoder looked, as heat over grey."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure, SubFigure
from matplotlib.gridspec import GridSpec
from PIL import Image

from partial_backprop.errors import UserError
from partial_backprop.figures import style
from partial_backprop.files import write_atomically
from partial_backprop.measurements.caption_examples import Example

HEAT = matplotlib.colormaps["inferno"]
"""Colours of attention, from none to the largest."""

SHARE = 0.6
"""Of the heat in a picture; the rest is the image in grey."""

SIDE = 200
"""Pixels of a picture's longer side in print; larger images are scaled down."""

KINDS = (".png", ".pdf", ".svg")
"""Ends of the names of files that `save` writes."""

_GREY = np.full((SIDE, SIDE, 3), 160, dtype=np.uint8)
"""Stands for an image that is not there."""

_HEIGHT_IN = 7.4
"""Height of all pictures together, at most, in inches: a page has room for it."""

_TITLE_IN, _LINE_IN = 0.16, 0.16
"""Height of the word above a picture, and of a line of a caption, in inches."""


class Captioned(NamedTuple):
    """A caption with the lines that stand beside its picture."""

    example: Example
    lines: tuple[str, ...] = ()


def lit(image: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """Lay heat over an image in grey, (H, W, 3), where the decoder looked, (h, w)."""
    # Weights are interpolated bilinearly between the locations' centres. The image is grey and dim, so that
    # its own colours and brightness are not taken for attention.
    height, width, _ = image.shape
    weights = Image.fromarray(np.asarray(attention, dtype=np.float32))
    weight = np.asarray(weights.resize((width, height), Image.Resampling.BILINEAR))
    largest = float(np.max(attention))
    relative = weight / largest if largest > 0 else np.zeros_like(weight)
    heat = 255 * HEAT(relative.clip(0, 1))[..., :3]
    grey = np.asarray(Image.fromarray(image).convert("L"), dtype=float)[..., None]
    return np.rint((1 - SHARE) * grey + SHARE * heat).astype(np.uint8)


def small(image: np.ndarray) -> np.ndarray:
    """Scale an image down to its size in print."""
    height, width, _ = image.shape
    scale = SIDE / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def layout(lengths: Sequence[int], n_before: int = 2) -> tuple[int, list[int]]:
    """Choose columns and the rows of each caption, whose image has some columns before them."""
    for n_columns in range(9, 26):
        rows = [max(1, math.ceil(length / (n_columns - n_before))) for length in lengths]
        if sum(rows) * (style.WIDTH_IN / n_columns + _TITLE_IN) <= _HEIGHT_IN:
            break
    return n_columns, rows


def draw(captions: Sequence[Captioned]) -> Figure:
    """Draw captions, each as its image, its lines, and one picture per word."""
    n_before = 2 if any(one.example.image is not None for one in captions) else 1
    n_columns, rows = layout([len(one.example.words) for one in captions], n_before)
    cell_in = style.WIDTH_IN / n_columns
    heights = [
        n_rows * (cell_in + _TITLE_IN) + _LINE_IN * len(one.lines)
        for one, n_rows in zip(captions, rows, strict=True)
    ]
    figure = Figure(figsize=(style.WIDTH_IN, sum(heights)))
    parts = figure.subfigures(len(captions), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, one, n_rows, height_in in zip(parts, captions, rows, heights, strict=True):
        top = 1 - (_LINE_IN * len(one.lines) + _TITLE_IN) / height_in
        edges = {"left": 0.005, "right": 0.995, "top": top, "bottom": 0.01, "wspace": 0.06}
        grid = part.add_gridspec(n_rows, n_columns, hspace=_TITLE_IN / cell_in + 0.02, **edges)
        if one.lines:
            part.text(
                0.005,
                1 - 0.03 / height_in,
                "\n".join(one.lines),
                va="top",
                fontsize=7,
                linespacing=1.35,
            )
        _caption(part, grid, one.example, n_before)
    return figure


def _caption(part: SubFigure, grid: GridSpec, example: Example, n_before: int) -> None:
    image = _GREY if example.image is None else small(example.image)
    whole = part.add_subplot(grid[:, :n_before])
    whole.set_axis_off()
    if example.image is None:
        text = f"image {example.index},\nnot shown"
        whole.text(0.5, 0.5, text, transform=whole.transAxes, ha="center", va="center", fontsize=7)
    else:
        whole.imshow(image)
    for place, (word, attention) in enumerate(zip(example.words, example.attention, strict=True)):
        row, column = divmod(place, grid.ncols - n_before)
        panel = part.add_subplot(grid[row, n_before + column])
        panel.set_axis_off()
        panel.imshow(lit(image, attention))
        panel.set_title(word, loc="center", pad=2, fontsize=7)


def check_kind(path: Path) -> None:
    """Hold the name of a file to a kind that can be written."""
    if path.suffix.lower() not in KINDS:
        raise UserError(f"cannot write {path}: let its name end in {', '.join(KINDS)}")


def save(examples: Sequence[Example], path: Path) -> None:
    """Draw captions in the paper's style, and write the figure."""
    check_kind(path)
    buffer = io.BytesIO()
    with style.applied():
        draw([Captioned(one) for one in examples]).savefig(buffer, format=path.suffix.lower()[1:])
    write_atomically(path, buffer.getvalue())
