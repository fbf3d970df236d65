"""Proximal operators minimise what they are said to, by scipy's minimiser."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar

from partial_backprop.sparse.penalties import (
    l1_subgradient,
    soft_threshold,
    trimmed_soft_threshold,
)
from partial_backprop.sparse.projection import TIES, project

NUMBERS = st.floats(-5, 5) | st.integers(-3, 3).map(float)
WEIGHTS = arrays(float, st.integers(1, 5), elements=NUMBERS)
THRESHOLDS = st.floats(0, 3)


def minimum(weight: float, threshold: float) -> tuple[float, float]:
    """Minimise ½(z − w)² + t|z| over z; where it is, and what it is."""
    found = minimize_scalar(
        lambda z: (z - weight) ** 2 / 2 + threshold * abs(z),
        bounds=(-6, 6),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return found.x, found.fun


@given(NUMBERS, THRESHOLDS)
def test_the_soft_threshold_is_the_minimiser(weight, threshold):
    (found,) = soft_threshold(np.array([weight]), threshold)
    where, least = minimum(weight, threshold)
    assert found == pytest.approx(where, abs=1e-4)
    assert (found - weight) ** 2 / 2 + threshold * abs(found) <= least + 1e-12


@given(WEIGHTS, THRESHOLDS)
def test_the_soft_threshold_moves_towards_zero_and_no_further(weights, threshold):
    found = soft_threshold(weights, threshold)
    expected = np.sign(weights) * np.maximum(np.abs(weights) - threshold, 0)
    np.testing.assert_allclose(found, expected, atol=1e-15)
    assert (found[np.abs(weights) <= threshold] == 0).all()
    assert not np.signbit(found[found == 0]).any()


@settings(max_examples=40)
@given(WEIGHTS, THRESHOLDS, st.integers(0, 5), st.sampled_from(TIES))
def test_the_trimmed_one_is_a_minimiser_too(weights, threshold, n_penalized, ties):
    n_penalized = min(n_penalized, len(weights))
    found = trimmed_soft_threshold(weights, threshold, n_penalized, ties)
    trimmed = np.sort(np.abs(found))[:n_penalized].sum()
    value = ((found - weights) ** 2).sum() / 2 + threshold * trimmed
    # The penalty is the least over all sets of so many elements, each a sum over elements.
    least = [minimum(weight, threshold)[1] for weight in weights]
    sets = itertools.combinations(range(len(weights)), n_penalized)
    assert value <= min(sum(least[i] for i in chosen) for chosen in sets) + 1e-7


@given(WEIGHTS, st.integers(0, 5), st.sampled_from(TIES))
def test_a_large_threshold_on_the_smallest_is_the_projection(weights, n_penalized, ties):
    n_penalized = min(n_penalized, len(weights))
    np.testing.assert_array_equal(
        trimmed_soft_threshold(weights, 10.0, n_penalized, ties),
        project(weights, len(weights) - n_penalized, ties),
    )


@given(WEIGHTS, WEIGHTS, THRESHOLDS)
def test_the_subgradient_lies_below_the_norm(weights, others, strength):
    n = min(len(weights), len(others))
    weights, others = weights[:n], others[:n]
    slope = l1_subgradient(weights, strength)
    above = strength * (np.abs(others).sum() - np.abs(weights).sum())
    assert above >= slope @ (others - weights) - 1e-12
    assert (slope[weights == 0] == 0).all()
