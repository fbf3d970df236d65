"""Levels by a Weibull model: fitted, of least variance, and without bias."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from partial_backprop.quantization.weibull import (
    LEVELS,
    fit,
    optimal_levels,
    round_to_levels,
    rounding_variance,
    uniform_levels,
    weibull_levels,
)


def draws(shape, n=200_000, seed=0, scale=1.0):
    generator = np.random.default_rng(seed)
    return torch.from_numpy(scale * generator.weibull(shape, n))


@pytest.mark.parametrize("shape", [0.3, 0.6, 1.0, 1.5, 5.0])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e6])
def test_the_fit_is_scipys(shape, scale):
    x = draws(shape, 5_000, scale=scale)
    ours = fit(x)
    theirs, _, their_scale = stats.weibull_min.fit((x / scale).numpy(), floc=0)
    # scipy's simplex stops at 1e-4.
    assert ours.shape == pytest.approx(theirs, rel=1e-3)
    assert ours.scale == pytest.approx(their_scale * scale, rel=1e-3)
    likelihood = stats.weibull_min.logpdf((x / scale).numpy(), ours.shape, scale=ours.scale / scale)
    assert likelihood.sum() >= stats.weibull_min.logpdf(
        (x / scale).numpy(), theirs, scale=their_scale
    ).sum() - 1e-6 * len(x)


def test_the_fit_solves_its_equation():
    x = draws(0.7, 1_000)
    k, scale, *_ = fit(x)
    powers = x**k
    assert float((powers * x.log()).sum() / powers.sum() - 1 / k) == pytest.approx(
        float(x.log().mean()), abs=1e-9
    )
    assert scale == pytest.approx(float(powers.mean()) ** (1 / k), rel=1e-12)


def test_signs_do_not_matter_and_zeros_are_counted_apart():
    x = draws(1.2, 999)
    signed = torch.cat([-x[:500], torch.zeros(41), x[500:]]).float().view(20, 52)
    assert fit(signed) == fit(torch.cat([x.float(), torch.zeros(41)]))
    assert fit(signed)[2:] == (999, 41)
    assert fit(signed)[:2] == pytest.approx(fit(x)[:2], rel=1e-6)


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0])
def test_what_has_no_fit(value):
    with pytest.raises(ValueError, match="finite"):
        fit(torch.full((3,), value))


@pytest.mark.parametrize("n", [1, 7])
def test_equal_magnitudes_have_a_fit(n):
    assert fit(torch.full((n,), -3.0)).scale == pytest.approx(3, rel=0.01)


@pytest.mark.parametrize("shape", [0.2, 1.0, 4.0])
@pytest.mark.parametrize("n_levels", [1, 7, 255])
@pytest.mark.parametrize("tail", [3, 25, 1e6])
def test_levels_meet_the_condition(shape, n_levels, tail):
    """Both sides by the density's moments, the regularised incomplete gamma function of scipy."""
    scale = 2.5
    largest = scale * tail ** (1 / shape)
    b = optimal_levels(shape, scale, largest, n_levels).numpy()
    assert len(b) == n_levels + 1
    assert b[0] == 0
    assert b[-1] == largest
    assert (np.diff(b) > 0).all()
    if tail > 25:
        return  # differences of moments in a tail without mass have no digits
    model = stats.weibull_min(shape, scale=scale)
    mass = np.diff(model.cdf(b))
    powers = (b / scale) ** shape
    order = 1 + 1 / shape
    first = scale * math.gamma(order) * np.diff(stats.gamma(order).cdf(powers))
    left = first[:-1] - b[:-2] * mass[:-1]
    right = b[2:] * mass[1:] - first[1:]
    assert left == pytest.approx(right, rel=1e-5, abs=1e-15 * largest)


def test_the_condition_by_quadrature():
    b = optimal_levels(0.8, 1.0, 9.0, 3).numpy()
    density = stats.weibull_min(0.8).pdf
    for low, middle, high in zip(b, b[1:], b[2:], strict=False):
        left, _ = integrate.quad(lambda x, low=low: (x - low) * density(x), low, middle)
        right, _ = integrate.quad(lambda x, high=high: (high - x) * density(x), middle, high)
        assert left == pytest.approx(right, rel=1e-6)


def test_variance_against_uniform_levels():
    """Ratios of these 200,000 draws each: with others the largest, and so the ratio, differs."""
    generator = np.random.default_rng(0)
    for shape, ratios in {
        0.6: (0.198, 0.111, 0.082),
        1.0: (0.264, 0.194, 0.178),
        1.5: (0.381, 0.342, 0.331),
    }.items():
        x = torch.from_numpy(generator.weibull(shape, 200_000))
        model = fit(x)
        for bits, ratio in zip((2, 3, 4), ratios, strict=True):
            uniform = rounding_variance(x, uniform_levels(x, bits))
            best = optimal_levels(model.shape, model.scale, float(x.max()), 2**bits - 1)
            assert rounding_variance(x, best) / uniform == pytest.approx(ratio, abs=0.0007)
            # Fitted to a sample of the draws.
            assert rounding_variance(x, weibull_levels(x, bits)) / uniform <= 1.02 * ratio


def least_variance(x, n_levels):
    """Sum of variances with the best levels, which may be taken from the values: by dynamic programming."""
    b = np.concatenate([[0.0], np.sort(x)])
    n = len(b)
    zeroth, first, second = (
        np.concatenate([[0.0], np.cumsum((b**power) * (b > 0))]) for power in range(3)
    )
    i, j = np.triu_indices(n, 1)
    between = [moment[j + 1] - moment[i + 1] for moment in (zeroth, first, second)]
    cost = np.full((n, n), np.inf)
    cost[i, j] = (b[i] + b[j]) * between[1] - b[i] * b[j] * between[0] - between[2]
    best = cost[0]
    for _ in range(n_levels - 1):
        best = np.min(best[:, None] + cost, axis=0)
    return best[-1]


def test_the_dynamic_programme():
    x = torch.tensor([0.5, 1.0, 1.25, 3.0, 4.0], dtype=torch.float64)
    grid = torch.arange(0.05, 4, 0.05).tolist()
    pairs = [torch.tensor([0, *pair, 4.0]) for pair in itertools.combinations(grid, 2)]
    by_grid = min(rounding_variance(x, levels) for levels in pairs)
    assert least_variance(x.numpy(), 3) == pytest.approx(by_grid, rel=1e-6)


@pytest.mark.parametrize("shape", [0.6, 1.0, 1.5])
@pytest.mark.parametrize("bits", [2, 3])
def test_nearly_the_least_variance_of_a_sample(shape, bits):
    x = draws(shape, 2_000, seed=1)
    ours = rounding_variance(x, weibull_levels(x, bits))
    assert 1 - 1e-9 <= ours / least_variance(x.numpy(), 2**bits - 1) <= 1.05


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_levels_of_a_tensor(name, dtype):
    x = (draws(0.9, 1000).view(10, 100) - 0.7).to(dtype)
    levels = LEVELS[name](x, 3)
    assert levels.shape == (8,)
    assert levels.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert levels[0] == 0
    assert levels[-1] == x.abs().max()
    assert (levels.diff() > 0).all()


@pytest.mark.parametrize("name", LEVELS)
def test_levels_of_odd_tensors(name):
    assert LEVELS[name](torch.zeros(5), 2).tolist() == [0] * 4
    assert LEVELS[name](torch.tensor([0.0, math.nan]), 2)[1:].isnan().all()
    assert LEVELS[name](torch.tensor([2.0, -math.inf]), 2)[1:].isnan().all()
    one = LEVELS[name](torch.tensor([0.0, -3.0, 3.0]), 2)
    assert (one[0], one[-1]) == (0, 3)
    for bits in (0, 9, 2.0, True):
        with pytest.raises(ValueError, match="bits"):
            LEVELS[name](torch.ones(5), bits)


@pytest.mark.parametrize("name", LEVELS)
def test_rounding_is_unbiased_and_has_the_variance(name):
    x = (draws(0.8, 50).float() * torch.tensor([1.0, -1.0]).repeat(25)).clone()
    x[7] = 0
    levels = LEVELS[name](x, 2)
    generator = torch.Generator().manual_seed(0)
    n = 20_000
    rounded = levels[round_to_levels(x.expand(n, 50), levels, generator).int()].double()
    exact = torch.tensor([rounding_variance(one, levels) for one in x])
    error = (rounded.mean(0) - x.abs()).abs()
    assert (error <= 5 * (exact / n).sqrt() + 1e-6).all()
    assert rounded.var(0).sum() == pytest.approx(float(exact.sum()), rel=0.02)
    kept = x.abs() == x.abs().max()
    kept[7] = True
    assert torch.equal(rounded[:, kept], x.abs()[kept].double().expand(n, -1))


def test_rounding_to_the_nearest_draws_nothing():
    levels = torch.tensor([0.0, 1.0, 4.0])
    x = torch.tensor([0.4, -0.6, 2.4, 2.6, -4.0])
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert round_to_levels(x, levels, generator, nearest=True).tolist() == [0, 1, 1, 2, 2]
    assert torch.equal(generator.get_state(), before)
