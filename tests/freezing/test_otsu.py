"""Otsu's split against equations 2 and 3 as printed, and against scikit-image."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from skimage import filters

from partial_backprop.freezing.otsu import otsu, otsu_kde

HISTOGRAMS = st.lists(st.integers(0, 1000), min_size=2, max_size=60).filter(
    lambda counts: sum(count > 0 for count in counts) >= 2
)


def within_class_variance(counts, positions):
    """Write equations 2 and 3 down as they are printed, for every t that splits."""
    p = np.asarray(counts, dtype=np.longdouble) / sum(counts)
    x = np.asarray(positions, dtype=np.longdouble)
    variances = np.full(len(p), np.inf, dtype=np.longdouble)
    for t in range(len(p) - 1):
        q_1, q_2 = p[: t + 1].sum(), p[t + 1 :].sum()
        if q_1 > 0 and q_2 > 0:
            mu_1 = (x[: t + 1] * p[: t + 1] / q_1).sum()
            mu_2 = (x[t + 1 :] * p[t + 1 :] / q_2).sum()
            s_1 = ((x[: t + 1] - mu_1) ** 2 * p[: t + 1] / q_1).sum()
            s_2 = ((x[t + 1 :] - mu_2) ** 2 * p[t + 1 :] / q_2).sum()
            variances[t] = q_1 * s_1 + q_2 * s_2
    return variances


@given(HISTOGRAMS)
def test_it_minimises_equation_2(counts):
    centers = np.arange(len(counts), dtype=np.float64)
    variances = within_class_variance(counts, centers)
    chosen = int(otsu(counts, centers))
    assert variances[chosen] <= variances.min() * (1 + 1e-12) + 1e-15
    assert counts[chosen] > 0


@given(HISTOGRAMS, st.floats(1e-30, 1e3), st.floats(-10, 10))
def test_it_equals_scikit_image(counts, width, shift):
    assume(counts[0] and counts[-1])  # with an empty end bin it divides by zero
    centers = (np.arange(len(counts)) + shift) * width
    expected = filters.threshold_otsu(hist=(np.array(counts), centers))
    found = otsu(counts, centers)
    variances = within_class_variance(counts, np.arange(len(counts)))
    theirs, ours = (int(np.flatnonzero(centers == value)[0]) for value in (expected, found))
    # Two splits that are exactly as good may be told apart by rounding.
    assert theirs == ours or variances[theirs] == pytest.approx(variances[ours], rel=1e-12)


def test_a_histogram_by_hand():
    # Two lumps: every split between them has the same variance, and the first one is taken.
    assert otsu([5, 5, 0, 0, 5, 5], [0, 1, 2, 3, 4, 5]) == 1
    assert otsu([0, 3, 0, 7, 0], [0, 1, 2, 3, 4]) == 1


@pytest.mark.parametrize("counts", [[], [0, 0], [0, 5, 0]])
def test_one_bin_cannot_be_split(counts):
    with pytest.raises(ValueError, match="least"):
        otsu(counts, np.arange(len(counts)))


def two_humps(n: int = 40_000) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    small = torch.randn(n, generator=draw) * 1e-6 + 1e-5
    large = torch.randn(n // 4, generator=draw) * 1e-6 + 3e-5
    return torch.cat([small, -large, torch.zeros(n // 10)])


def test_two_humps_are_separated():
    found = otsu_kde(two_humps(), mass=0.998)
    assert 1.3e-5 < found.threshold < 2.7e-5
    assert found.low < 0.9e-5
    assert found.high > 3.1e-5


def by_hand(values, low, high, n_bins):
    """Go from a range to its threshold without the library."""
    inside = np.sort(values[(values >= low) & (values <= high)])
    edges = np.linspace(low, high, n_bins + 1)
    index = np.clip(np.searchsorted(edges, inside, side="right") - 1, 0, n_bins - 1)
    used = np.unique(index)
    counts = np.array([np.sum(index == i) for i in used])
    means = np.array([inside[index == i].mean() for i in used])
    return means[np.argmin(within_class_variance(counts, means))]


@pytest.mark.parametrize("n_bins", [2, 7, 300])
@pytest.mark.parametrize("mass", [0.5, 0.95])
def test_the_threshold_is_otsus_on_means_of_sub_ranges(n_bins, mass):
    draw = torch.Generator().manual_seed(1)
    values = torch.randn(5000, generator=draw) * torch.exp(torch.randn(5000, generator=draw))
    found = otsu_kde(values, n_bins=n_bins, mass=mass)
    expected = by_hand(values.abs().double().numpy(), found.low, found.high, n_bins)
    assert found.threshold == pytest.approx(expected, rel=1e-12)


def test_more_values_than_pass_at_once_count_alike():
    """Each value three times, beyond 2^20 in all: density, range and threshold hardly move."""
    draw = torch.Generator().manual_seed(6)
    values = torch.randn(500_000, generator=draw) * torch.exp(torch.randn(500_000, generator=draw))
    one, three = otsu_kde(values), otsu_kde(values.repeat(3))
    assert three.high == pytest.approx(one.high, rel=0.01)
    assert three.threshold == pytest.approx(one.threshold, rel=0.01)
    found = otsu_kde(values.repeat(3), n_bins=20)
    expected = by_hand(values.abs().double().numpy(), found.low, found.high, 20)
    assert found.threshold == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("mass", [0.3, 0.8, 0.95, 0.99])
def test_the_range_holds_its_mass_and_none_shorter_does(mass):
    """Shares of the sample stand for shares of the density; its noise allows 2 %."""
    draw = torch.Generator().manual_seed(2)
    values = (torch.randn(50_000, generator=draw) * 0.2 + 1).abs()
    found = otsu_kde(values, mass=mass)
    ordered = np.sort(values.numpy())
    inside = np.mean((ordered >= found.low) & (ordered <= found.high))
    assert inside == pytest.approx(mass, abs=0.02)
    n_inside = int(mass * len(ordered))
    shortest = np.min(ordered[n_inside:] - ordered[:-n_inside])
    assert found.high - found.low == pytest.approx(shortest, rel=0.03)


def test_the_peak_rule_ends_where_the_density_does():
    values = torch.randn(50_000, generator=torch.Generator().manual_seed(3)) * 1e-4
    found = otsu_kde(values, likely="peak", peak_fraction=0.1)
    # exp(-x²/2) = 0.1 at x = 2.146
    assert found.high == pytest.approx(2.146e-4, rel=0.05)
    assert found.low < 1e-6


def test_positions_differ_by_a_sub_range_at_most_here():
    draw = torch.Generator().manual_seed(4)
    values = torch.randn(20_000, generator=draw) * torch.exp(torch.randn(20_000, generator=draw))
    mean, index = (otsu_kde(values, positions=positions) for positions in ("mean", "index"))
    assert abs(mean.threshold - index.threshold) < 2.1 * (mean.high - mean.low) / 300


def test_zeros_and_signs_have_no_say():
    values = two_humps()
    plain = otsu_kde(values[values != 0].abs())
    assert otsu_kde(values).threshold == plain.threshold


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=50))
def test_the_result_is_finite_or_refused(values):
    values = torch.tensor(values, dtype=torch.float32)
    try:
        found = otsu_kde(values)
    except ValueError:
        return
    numbers = np.array([found.low, found.high, found.threshold, found.bandwidth])
    assert np.isfinite(numbers).all()
    assert np.isfinite(found.grid).all()
    assert np.isfinite(found.density).all()
    assert found.low <= found.threshold <= found.high
    sizes = values[values != 0].abs()
    assert sizes.min() <= found.threshold <= sizes.max()


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([], {}, "non-zero"),
        ([0.0, 0.0], {}, "non-zero"),
        ([0.0, 3.0, -3.0], {}, "all 2 equal 3"),
        ([1.0, float("nan")], {}, "positive, finite values"),
        ([1.0, 2.0], {"n_bins": 1}, "n_bins >= 2"),
        ([1.0, 2.0], {"mass": 1.0}, "between 0 and 1"),
        ([1.0, 2.0], {"peak_fraction": 0.0}, "between 0 and 1"),
        ([1.0, 2.0], {"likely": "most"}, "choose mass or peak"),
        ([1.0, 2.0], {"positions": "edge"}, "choose mean or index"),
        ([1.0, 2.0], {"bandwidth": "isj"}, "choose silverman or scott"),
    ],
)
def test_what_cannot_be_done_is_refused(values, options, message):
    with pytest.raises(ValueError, match=message):
        otsu_kde(torch.tensor(values), **options)


def test_the_curve_is_fit_to_draw():
    draw = torch.Generator().manual_seed(5)
    values = torch.empty(200_000).cauchy_(generator=draw) * 1e-5
    found = otsu_kde(values, n_points=200)
    assert len(found.grid) == len(found.density) <= 200
    assert (np.diff(found.grid) > 0).all()
    assert found.high < found.grid[-1] <= 2.1 * found.high
