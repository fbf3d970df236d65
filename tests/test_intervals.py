"""Intervals over seeds and images."""

import numpy as np
import pytest

from partial_backprop.intervals import Difference, crossed, wider


def test_one_seed_draws_images_alone():
    rng = np.random.default_rng(1)
    values = rng.choice([-1.0, 0.0, 1.0], p=[0.1, 0.8, 0.1], size=(1, 4000))
    found = crossed(values)
    assert found.n == 1
    assert found.mean == values.mean()
    assert found.high - found.low == pytest.approx(
        2 * 1.96 * values.std() / np.sqrt(4000), rel=0.05
    )


def test_seeds_that_differ_widen_the_interval():
    rng = np.random.default_rng(2)
    same = rng.choice([-1.0, 0.0, 1.0], p=[0.1, 0.8, 0.1], size=(1, 4000)).repeat(4, axis=0)
    shifted = same + np.array([[-0.1], [0.0], [0.0], [0.1]])
    narrow, wide = crossed(same), crossed(shifted)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert crossed(same) == narrow  # seeded


def test_equal_arms_differ_by_nothing():
    assert crossed(np.zeros((3, 50))) == Difference(0.0, 0.0, 0.0, 3)


def test_the_wider_interval_is_taken_and_none_is_the_narrowest():
    narrow, wide = Difference(0, -1, 1, 3), Difference(0, -2, 2, 3)
    none = Difference(0, np.nan, np.nan, 1)
    assert wider(narrow, wide) is wider(wide, narrow) is wide
    assert wider(none, narrow) is narrow
