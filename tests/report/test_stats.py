"""Intervals and tests: agreement with other ways to compute them, and coverage by simulation."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from partial_backprop.report import stats


def simulated(
    generator: np.random.Generator, n_seeds: int, n_images: int = 600, shift: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Right images of two arms: images are hard or easy, seeds good or bad, each arm by itself."""
    images = generator.normal(2.0, 1.5, n_images)
    arms = []
    for effect in (0.0, shift):
        seeds = generator.normal(effect, 0.15, (n_seeds, 1))
        chance = 1 / (1 + np.exp(-(images + seeds)))
        arms.append(generator.random((n_seeds, n_images)) < chance)
    return arms[0], arms[1]


def points(arm: np.ndarray, base: np.ndarray) -> np.ndarray:
    return 100 * (arm.astype(int) - base.astype(int))


def both(arm: np.ndarray, base: np.ndarray, seed: int = 0) -> stats.Interval:
    difference = points(arm, base)
    boot = stats.crossed(difference, draws=500, seed=seed)
    return stats.wider(stats.student(difference.mean(axis=1)), boot)


def test_student_is_scipys():
    values = [1.0, 2.5, 2.0, 0.5]
    found, expected = stats.student(values), scipy_stats.ttest_1samp(values, 0.4)
    interval = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p(0.4) == pytest.approx(expected.pvalue)
    above = scipy_stats.ttest_1samp(values, 0.4, alternative="greater")
    assert found.p(0.4, "above") == pytest.approx(above.pvalue)


def test_bootstrap_by_patterns_is_the_bootstrap_by_images():
    generator = np.random.default_rng(1)
    values = generator.choice([-100, 0, 100], p=[0.1, 0.7, 0.2], size=(3, 200))
    found = stats.crossed(values, draws=4000)
    draws = [
        values[generator.integers(3, size=3)][:, generator.integers(200, size=200)].mean()
        for _ in range(4000)
    ]
    low, high = np.quantile(draws, (0.025, 0.975))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.7)
    assert found.mean == pytest.approx(values.mean())


@pytest.mark.parametrize("interval", [stats.student([1.0, 2.5, 2.0]), stats.crossed(
    np.random.default_rng(0).choice([-100, 0, 100], size=(3, 300)), draws=999)])  # fmt: skip
def test_p_and_interval_say_the_same(interval):
    width = interval.high - interval.low
    for end in (interval.low, interval.high):
        inside = end + 0.05 * width * np.sign(interval.mean - end)
        outside = end - 0.05 * width * np.sign(interval.mean - end)
        assert interval.p(inside) > 0.05 > interval.p(outside)


def test_one_seed_has_an_interval_over_images_only():
    values = np.random.default_rng(0).choice([-100, 0, 100], size=(1, 300))
    assert stats.crossed(values, draws=100).method == "images"
    assert stats.student(values.mean(axis=1)).method == "none"
    assert math.isnan(stats.student([1.0]).p(0))


def test_sign_flip_is_exact():
    differences = np.array([0.3, -0.1, 0.7, 0.2])
    flipped = [abs((differences * signs).mean()) for signs in itertools.product((1, -1), repeat=4)]
    expected = np.mean([value >= abs(differences.mean()) - 1e-12 for value in flipped])
    assert stats.sign_flip(differences) == pytest.approx(expected)
    assert stats.sign_flip([1.0, 2.0, 3.0]) == 0.25
    assert stats.sign_flip([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == 2 / 64


def test_mcnemar_counts_the_images_on_which_two_networks_differ():
    arm, base = np.array([1, 1, 1, 1, 1, 0, 1], bool), np.array([0, 0, 0, 0, 0, 0, 1], bool)
    assert stats.mcnemar(arm, base) == pytest.approx(2 / 2**5)
    assert stats.mcnemar(arm, arm) == 1


def test_holm_is_holms():
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([0.5, 0.9]) == pytest.approx([1, 1])
    assert len(stats.holm([])) == 0


def test_equivalence_means_that_the_whole_interval_is_inside():
    found = stats.student([0.1, 0.0, -0.1, 0.05])
    edge = max(abs(found.low), abs(found.high))
    assert stats.tost(found, -1.01 * edge, 1.01 * edge) < 0.05
    assert stats.tost(found, -0.99 * edge, 0.99 * edge) > 0.05


@pytest.mark.parametrize("n_seeds", [3, 6])
def test_intervals_cover_the_difference(n_seeds):
    """Seeds and images are drawn anew in each simulation; the true difference is known from many."""
    generator = np.random.default_rng(n_seeds)
    truth = np.mean([points(*simulated(generator, 50, 5000)).mean() for _ in range(20)])
    covered = []
    for trial in range(250):
        found = both(*simulated(generator, n_seeds), seed=trial)
        covered.append(found.low <= truth <= found.high)
    assert np.mean(covered) > 0.93
