"""The binned density against the plain sum of kernels, and at its borders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gaussian_kde

from partial_backprop.freezing.density import TAIL, kde


def gradient_like(n: int, seed: int = 0) -> np.ndarray:
    """Magnitudes whose scale varies from layer to layer by orders of magnitude."""
    draw = np.random.default_rng(seed)
    scale = 10.0 ** draw.choice([-6.0, -5.0, -4.0], size=n, p=[0.3, 0.5, 0.2])
    return np.abs(draw.standard_t(3, size=n) * scale).astype(np.float32)


SAMPLES = {
    "gradients": gradient_like(20_000),
    "log-normal": np.exp(np.random.default_rng(1).normal(0, 1.5, 20_000)).astype(np.float32),
    "half-normal": np.abs(np.random.default_rng(2).normal(size=20_000)).astype(np.float32),
    "two humps": np.abs(np.random.default_rng(3).normal([5, 9], [1, 0.5], (10_000, 2))).ravel(),
    "tiny": gradient_like(20_000) * np.float32(1e-20),
}


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("rule", ["silverman", "scott"])
@pytest.mark.parametrize("reflect", [True, False])
def test_it_equals_the_sum_of_kernels_within_a_percent(sample, rule, reflect):
    values = SAMPLES[sample]
    density = kde(values, bandwidth=rule, reflect=reflect)
    # Scaled, since scipy inverts a variance that would underflow.
    unit = float(np.median(values))
    scaled = values.astype(np.float64) / unit
    reference = gaussian_kde(scaled, bw_method=density.bandwidth / unit / scaled.std(ddof=1))
    points = np.linspace(0, len(density.grid) - 1, 60).astype(int)
    points = np.unique(
        np.concatenate([points, np.arange(0, 60, 3), np.geomspace(1, points[-1], 60).astype(int)])
    )
    grid = density.grid[points] / unit
    expected = reference(grid) + (reference(-grid) if reflect else 0)
    matters = expected > 1e-2 * expected.max()
    assert matters.sum() >= 10
    np.testing.assert_allclose(
        density.density[points][matters] * unit, expected[matters], rtol=0.01
    )


@pytest.mark.parametrize("sample", SAMPLES)
def test_reflected_mass_is_all_there(sample):
    density = kde(SAMPLES[sample])
    mass = density.density.sum() * density.step + density.beyond
    assert mass == pytest.approx(1, abs=1e-3)
    assert density.beyond <= TAIL


def test_bandwidth_rules_follow_their_formulas():
    """Within the 0.4 % of the logarithmic cells that the quartiles are read from."""
    values = SAMPLES["half-normal"].astype(np.float64)
    n, deviation = len(values), values.std()
    quartiles = np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.34
    assert kde(values, bandwidth="scott").bandwidth == pytest.approx(
        1.06 * deviation * n**-0.2, rel=0.005
    )
    assert kde(values).bandwidth == pytest.approx(
        0.9 * min(deviation, quartiles) * n**-0.2, rel=0.01
    )
    assert kde(values, bandwidth=0.25).bandwidth == 0.25


def test_more_values_than_pass_at_once_count_alike():
    values = SAMPLES["gradients"]
    many = np.tile(values, 60)
    assert len(many) > 2**20
    one, other = kde(values, bandwidth=1e-6), kde(many, bandwidth=1e-6)
    np.testing.assert_allclose(other.density, one.density, rtol=1e-9, atol=1e-9)
    assert other.beyond == pytest.approx(one.beyond)
    assert kde(many).bandwidth == pytest.approx(kde(values).bandwidth * 60**-0.2, rel=1e-6)


@given(st.floats(1e-30, 1e30))
def test_the_unit_does_not_matter(unit):
    values = SAMPLES["half-normal"][:500].astype(np.float64)
    one, other = kde(values), kde(values * unit)
    assert other.bandwidth / unit == pytest.approx(one.bandwidth, rel=0.02)


@given(
    st.lists(st.floats(0, 2.0**127, width=32, exclude_min=True), min_size=2).filter(
        lambda v: len(set(v)) > 1
    )
)
def test_it_is_never_nan_or_negative(values):
    density = kde(np.array(values, dtype=np.float32))
    assert np.isfinite(density.density).all()
    assert (density.density >= 0).all()
    assert density.density.sum() > 0
    assert np.isfinite(density.grid).all()
    assert len(density.grid) < 2**20


def test_an_extreme_tail_widens_the_bandwidth_and_not_the_grid():
    values = np.concatenate([np.random.default_rng(0).uniform(1, 2, 1000), [1e9] * 50])
    density = kde(values)
    assert len(density.grid) < 2**20
    assert density.bandwidth > 1000


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "no density without values"),
        ([2.0, 2.0, 2.0], "all 3 equal 2"),
        ([1.0, np.nan], "needs positive, finite values"),
        ([1.0, np.inf], "needs positive, finite values"),
        ([1.0, 0.0], "needs positive, finite values"),
        ([1.0, -1.0], "needs positive, finite values"),
    ],
)
def test_what_has_no_density_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        kde(np.array(values, dtype=np.float32))


@pytest.mark.parametrize(
    ("rule", "message"),
    [("isj", "choose silverman or scott"), (0.0, "must be positive"), (np.nan, "must be positive")],
)
def test_bad_bandwidths_are_refused(rule, message):
    with pytest.raises(ValueError, match=message):
        kde(np.array([1.0, 2.0]), bandwidth=rule)
