"""The projection is a nearest sparse point, and ties are broken as stated."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from partial_backprop.sparse.projection import TIES, project, smallest

# Few distinct magnitudes, so that many are equal.
WEIGHTS = arrays(float, st.integers(1, 6), elements=st.integers(-3, 3).map(float)) | arrays(
    float, st.integers(1, 6), elements=st.floats(-10, 10)
)
RULES = st.sampled_from(TIES)


@given(WEIGHTS, st.integers(0, 6), RULES)
def test_no_sparse_point_is_nearer(weights, n_nonzero, ties):
    n_nonzero = min(n_nonzero, len(weights))
    found = project(weights, n_nonzero, ties)
    assert np.count_nonzero(found) <= n_nonzero
    distances = []
    for kept in itertools.combinations(range(len(weights)), n_nonzero):
        candidate = np.zeros_like(weights)
        candidate[list(kept)] = weights[list(kept)]
        distances.append(((candidate - weights) ** 2).sum())
    assert ((found - weights) ** 2).sum() == pytest.approx(min(distances), abs=1e-12)


@given(WEIGHTS, st.integers(0, 6), RULES)
def test_projecting_twice_changes_nothing(weights, n_nonzero, ties):
    n_nonzero = min(n_nonzero, len(weights))
    once = project(weights, n_nonzero, ties)
    np.testing.assert_array_equal(project(once, n_nonzero, ties), once)


@given(WEIGHTS, st.integers(0, 6), RULES)
def test_exactly_as_many_as_asked_are_the_smallest(weights, count, ties):
    count = min(count, len(weights))
    chosen = smallest(weights, count, ties)
    assert chosen.sum() == count
    magnitudes = np.abs(weights)
    assert magnitudes[chosen].max(initial=0) <= magnitudes[~chosen].min(initial=np.inf)


@pytest.mark.parametrize(
    ("ties", "expected"),
    [("last", [0.0, -2.0, 0.0, 0.0, 1.0]), ("first", [1.0, -2.0, 0.0, 0.0, 0.0])],
)
def test_of_equal_magnitudes_the_stated_ones_stay(ties, expected):
    weights = np.array([1.0, -2.0, -1.0, -1.0, 1.0])
    np.testing.assert_array_equal(project(weights, 2, ties), expected)


@given(WEIGHTS, st.integers(0, 6))
def test_the_two_rules_mirror_each_other(weights, count):
    count = min(count, len(weights))
    mirrored = smallest(weights[::-1], count, "first")[::-1]
    np.testing.assert_array_equal(smallest(weights, count, "last"), mirrored)


def test_what_is_no_choice_is_told():
    with pytest.raises(ValueError, match="weights"):
        smallest(np.ones(3), 4)
    with pytest.raises(ValueError, match="weights"):
        project(np.ones(3), 4)
    with pytest.raises(ValueError, match="'middle'"):
        project(np.ones(3), 1, "middle")
