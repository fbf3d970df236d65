"""Drawing: areas against geometry, and symmetries."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.data.shapes import KINDS, blend, coverage, paint, to_bytes

PENTAGRAM = 10 * math.tan(math.pi / 10) / (3 - math.tan(math.pi / 10) ** 2)
"""Area of a five-pointed star over the square of its tips' distance from the centre."""


def lens(r, s, d):
    """Area that two discs of radii r and s at distance d share."""
    a = math.acos((d * d + r * r - s * s) / (2 * d * r))
    b = math.acos((d * d + s * s - r * r) / (2 * d * s))
    return r * r * (a - math.sin(2 * a) / 2) + s * s * (b - math.sin(2 * b) / 2)


def segment(r, h):
    """Area of the part of a disc of radius r that lies beyond a line at distance h."""
    angle = math.acos(h / r)
    return r * r * (angle - math.sin(angle) * math.cos(angle))


AREAS = {
    "disc": math.pi,
    "ring": math.pi * (1 - 0.56**2),
    "square": 1.7**2,
    "frame": 1.76**2 - 0.96**2,
    "triangle": 3 * math.sqrt(3) * 0.6**2,
    "star": PENTAGRAM * (0.38 / math.cos(2 * math.pi / 5)) ** 2,
    "cross": 2 * 2 * 0.66 - 0.66**2,
    "crescent": math.pi - lens(1, 0.8, 0.5),
    "half disc": segment(1.1, 0.0),
    "bar": 2.2 * 0.76,
}


def one(name, centre=(48.0, 48.0), radius=30.0, turn=0.0, side=96):
    kind = np.array([KINDS.index(name)])
    return coverage(kind, np.array([centre]), np.array([radius]), np.array([turn]), side)[0]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("turn", [0.0, 0.13])
def test_area(name, turn):
    """Within 1.5 percent: distances are exact along edges, and only near beyond corners."""
    assert one(name, turn=turn).sum() == pytest.approx(AREAS[name] * 30**2, rel=0.015)


@pytest.mark.parametrize("name", KINDS)
def test_coverage_is_a_share(name):
    covered = one(name, turn=0.3)
    assert covered.dtype == np.float32
    assert covered.min() == 0
    assert covered.max() == 1


@pytest.mark.parametrize(
    ("name", "turn"),
    [
        ("disc", 0.17),
        ("ring", 0.4),
        ("square", 0.25),
        ("frame", 0.5),
        ("cross", 0.75),
        ("star", 0.2),
        ("triangle", 1 / 3),
        ("bar", 0.5),
    ],
)
def test_symmetry(name, turn):
    np.testing.assert_allclose(one(name, turn=0.05 + turn), one(name, turn=0.05), atol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_a_quarter_turn_is_a_turned_array(name):
    turned = one(name, turn=0.25)
    np.testing.assert_allclose(turned, np.rot90(one(name), k=-1), atol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_shifting(name):
    shifted = one(name, centre=(45.0, 52.0))
    np.testing.assert_allclose(shifted[4:, :-3], one(name)[:-4, 3:], atol=1e-4)


def test_kinds_differ_at_the_size_of_a_scene():
    """Any two shapes differ by a tenth of a disc at least, at the best of 60 rotations."""
    for i, name in enumerate(KINDS):
        reference = one(name, (16, 16), 9, 0, 32)
        for other in KINDS[:i]:
            turned = [one(other, (16, 16), 9, k / 60, 32) for k in range(60)]
            assert min(np.abs(reference - shape).sum() for shape in turned) > 0.1 * math.pi * 81


def test_each_picture_gets_its_own():
    names = ["star", "disc", "star"]
    kinds = np.array([KINDS.index(name) for name in names])
    centres = np.array([(10.0, 12.0), (16.0, 16.0), (20.0, 9.0)])
    radii, turns = np.array([5.0, 8.0, 7.0]), np.array([0.0, 0.3, 0.7])
    together = coverage(kinds, centres, radii, turns, 32)
    for i, name in enumerate(names):
        np.testing.assert_array_equal(together[i], one(name, centres[i], radii[i], turns[i], 32))


def test_paint_mixes_by_coverage():
    pictures = np.full((1, 3, 1, 3), 100, np.float32)
    paint(pictures, np.array([[[0, 0.5, 1]]], np.float32), np.array([[0, 200, 100]]))
    np.testing.assert_array_equal(pictures[0, :, 0], [[100, 50, 0], [100, 150, 200], [100] * 3])


@given(st.integers(2, 6), st.integers(1, 12), st.integers(0, 9))
def test_blend_is_bilinear(size, side, seed):
    """Parity with `numpy.interp` along each axis."""
    grid = np.random.default_rng(seed).random((1, 3, size, size))
    position = (np.arange(side) + 0.5) * (size - 1) / side
    along = lambda values: np.interp(position, np.arange(size), values)  # noqa: E731
    expected = np.apply_along_axis(along, 3, np.apply_along_axis(along, 2, grid))
    np.testing.assert_allclose(blend(grid, side), expected, atol=1e-5)


def test_to_bytes_rounds_and_clips():
    values = np.array([-5, 0.4, 0.6, 254.6, 300], np.float32)
    assert to_bytes(values).tolist() == [0, 0, 1, 255, 255]
