"""Draw antialiased coloured shapes on many small pictures at once.

Every step is an elementwise float32 operation that IEEE 754 rounds exactly (sums, products,
comparisons, square roots), so that the same numbers give the same pixels on every machine. Angles
go through cosines, which are computed in double precision and then rounded to single, where a
difference in the last bit between two mathematics libraries disappears.

Shapes: N pictures, S side of a picture (pixels).
"""

from collections.abc import Callable

import numpy as np

_GREATEST = np.float32(255)
_FIFTHS = np.array([(np.cos(a), np.sin(a)) for a in np.arange(5) * (2 * np.pi / 5) + np.pi / 2])
_HALF_SQRT3 = np.float32(0.75) ** np.float32(0.5)


def _radius(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.sqrt(x * x + y * y)


def _box(x: np.ndarray, y: np.ndarray, half_width: float, half_height: float) -> np.ndarray:
    return np.maximum(np.abs(x) - np.float32(half_width), np.abs(y) - np.float32(half_height))


def _disc(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _radius(x, y) - np.float32(1)


def _ring(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(_radius(x, y) - np.float32(0.78)) - np.float32(0.22)


def _square(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _box(x, y, 0.85, 0.85)


def _frame(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(_box(x, y, 0.68, 0.68)) - np.float32(0.2)


def _triangle(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    slope, half_y = _HALF_SQRT3 * np.abs(x), np.float32(0.5) * y
    return np.maximum(y, slope - half_y) - np.float32(0.6)


def _star(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # Inside a pentagram at most one of the five lines that bound it is crossed.
    largest = second = np.full_like(x, -np.inf)
    for normal_x, normal_y in _FIFTHS.astype(np.float32):
        beyond = normal_x * x + normal_y * y
        second = np.maximum(second, np.minimum(largest, beyond))
        largest = np.maximum(largest, beyond)
    return second - np.float32(0.38)


def _cross(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.minimum(_box(x, y, 1, 0.33), _box(x, y, 0.33, 1))


def _crescent(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum(_disc(x, y), np.float32(0.8) - _radius(x - np.float32(0.5), y))


def _half_disc(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    lowered = y + np.float32(0.45)
    return np.maximum(_radius(x, lowered) - np.float32(1.1), -lowered)


def _bar(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _box(x, y, 1.1, 0.38)


DISTANCES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "disc": _disc,
    "ring": _ring,
    "square": _square,
    "frame": _frame,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "crescent": _crescent,
    "half disc": _half_disc,
    "bar": _bar,
}
"""Name of each shape to its signed distance, negative inside, for a shape of radius about 1."""

KINDS = tuple(DISTANCES)
"""Names of the shapes; a kind is an index into them."""


def coverage(
    kind: np.ndarray, centre: np.ndarray, radius: np.ndarray, turn: np.ndarray, side: int
) -> np.ndarray:
    """Compute how much of each pixel one shape a picture covers."""
    # Shapes: kind (N,), centre (N, 2), radius (N,), turn (N,), result (N, S, S)
    centre, radius = centre.astype(np.float32), radius.astype(np.float32)[:, None, None]
    angle = 2 * np.pi * turn.astype(np.float64)
    cosine = np.cos(angle).astype(np.float32)[:, None, None]
    sine = np.sin(angle).astype(np.float32)[:, None, None]
    pixel = np.arange(side, dtype=np.float32) + np.float32(0.5)
    right = (pixel[None, None, :] - centre[:, 0, None, None]) / radius  # (N, 1, S)
    down = (pixel[None, :, None] - centre[:, 1, None, None]) / radius  # (N, S, 1)
    x, y = cosine * right + sine * down, cosine * down - sine * right  # (N, S, S)
    covered = np.empty_like(x)
    for index, name in enumerate(KINDS):
        rows = np.flatnonzero(kind == index)
        covered[rows] = DISTANCES[name](x[rows], y[rows])
    return np.clip(np.float32(0.5) - covered * radius, 0, 1)


def paint(pictures: np.ndarray, covered: np.ndarray, colour: np.ndarray) -> None:
    """Paint one shape on each picture, in place."""
    # Shapes: pictures (N, 3, S, S), covered (N, S, S), colour (N, 3)
    difference = colour.astype(np.float32)[:, :, None, None] - pictures
    pictures += covered[:, None] * difference


def blend(grid: np.ndarray, side: int) -> np.ndarray:
    """Spread a coarse grid of colours smoothly over a picture, by bilinear interpolation."""
    # Shapes: grid (N, 3, G, G), result (N, 3, S, S)
    grid = grid.astype(np.float32)
    cells = grid.shape[-1] - 1
    position = (np.arange(side, dtype=np.float32) + np.float32(0.5)) * np.float32(cells / side)
    before = np.minimum(position.astype(np.int64), cells - 1)
    part = position - before.astype(np.float32)
    for axis, weight in ((2, part[:, None]), (3, part)):
        near, far = (np.take(grid, at, axis=axis) for at in (before, before + 1))
        grid = near + weight * (far - near)
    return grid


def to_bytes(pictures: np.ndarray) -> np.ndarray:
    """Round pictures to whole values from 0 to 255."""
    return np.rint(np.clip(pictures, 0, _GREATEST)).astype(np.uint8)
