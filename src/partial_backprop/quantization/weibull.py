"""Quantization levels that follow a Weibull model of the magnitudes, and unbiased rounding to them.

Magnitudes |x| are rounded to 0 = b₀ < b₁ < … < b_s = max |x|, signs kept apart: x in [bᵢ, bᵢ₊₁] goes up with
probability (x − bᵢ)/(bᵢ₊₁ − bᵢ), which is unbiased and has the variance (bᵢ₊₁ − x)(x − bᵢ). Nearest rounding
would have other optimal levels (Lloyd-Max). n: values, s: levels but 0.

The full text of the article was not at hand: the formulas are derived here from its summary.

References
----------
F. Fu et al., "Don't waste your bits! Squeeze activations and gradients for deep neural networks via
TinyScript", ICML 2020, PMLR 119.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

_MAX_BITS = 8
"""Codes are stored in bytes."""
_SHAPES = (0.05, 100.0)
"""Where the shape is looked for; equal magnitudes have no finite one."""
_MAX_ITERATIONS = 50
_FIT_SIZE = 4096
"""Magnitudes that levels are fitted to: a shape is then known to about 1 %."""


class Weibull(NamedTuple):
    """Weibull distribution of the magnitudes that are not 0."""

    shape: float
    """k: 1 is exponential; below 1 the tail is heavier."""
    scale: float
    """λ, in the unit of the values."""
    n_magnitudes: int
    """Magnitudes above 0."""
    n_zeros: int


def fit(values: Tensor) -> Weibull:
    """Fit a Weibull distribution to magnitudes by maximum likelihood.

    Parameters
    ----------
    values : Tensor of any shape
        Finite values of either sign; those that are 0 are counted apart.

    Returns
    -------
    Weibull
        The root k in [0.05, 100] of Σ xᵏ ln x / Σ xᵏ − 1/k = mean ln x, by Newton's method, and
        λ = (mean xᵏ)^{1/k}.

    Raises
    ------
    ValueError
        If all values are 0, or one is not finite.
    """
    magnitudes = values.detach().flatten().abs().double()
    positive = magnitudes[magnitudes > 0]
    if not len(positive) or not math.isfinite(float(positive.sum())):
        raise ValueError("a Weibull distribution needs finite values that are not all 0")
    logs = positive.log()
    top = float(logs.max())
    logs -= top  # xᵏ is then at most 1
    mean = float(logs.mean())
    low, high = _SHAPES
    deviation = float(logs.square().mean() - mean**2) ** 0.5 if len(logs) > 1 else 0.0
    # Of ln x under the model it is π/(√6 k).
    shape = min(max(math.pi / math.sqrt(6) / max(deviation, 1e-9), low), high)
    for _ in range(_MAX_ITERATIONS):
        powers = (shape * logs).exp()
        weighted = powers * logs
        total = float(powers.sum())
        first = float(weighted.sum()) / total
        second = float((weighted * logs).sum()) / total
        slope = second - first**2 + 1 / shape**2
        step = (first - 1 / shape - mean) / slope
        # The left side is increasing: a step across 0 is shortened, and none leaves the interval.
        new = min(max(shape - step, shape / 4, low), high)
        done = abs(new - shape) <= 1e-10 * shape
        shape = new
        if done:
            break
    scale = math.exp(top + math.log(float((shape * logs).exp().mean())) / shape)
    return Weibull(shape, scale, len(positive), len(magnitudes) - len(positive))


def optimal_levels(shape: float, scale: float, largest: float, n_levels: int) -> Tensor:
    """Find the levels of least variance of unbiased rounding under a Weibull distribution.

    Parameters
    ----------
    shape, scale : float
        Parameters k and λ of the distribution.
    largest : float
        Last level, above 0.
    n_levels : int
        Number s of levels but 0, from 1.

    Returns
    -------
    Tensor of float64, of shape (s + 1,)
        0 = b₀ < … < b_s with ∫_{bᵢ₋₁}^{bᵢ} (x − bᵢ₋₁) p dx = ∫_{bᵢ}^{bᵢ₊₁} (bᵢ₊₁ − x) p dx.

    Notes
    -----
    By parts the condition says that 1 − F(bᵢ) is the mean of 1 − F over [bᵢ₋₁, bᵢ₊₁], whose integral is
    an incomplete gamma function. It is the gradient of the variance, solved by Newton's method with a
    tridiagonal Hessian; it begins with levels of density ∝ p^{1/3}, the optimum for many levels.
    """
    top = largest / scale
    levels = _companded(shape, top, n_levels)
    for _ in range(_MAX_ITERATIONS if n_levels > 1 else 0):
        powers = levels**shape
        survival = torch.exp(-powers)
        # ∫_b^∞ (1 − F) dx = Γ(1 + 1/k) Q(1/k, bᵏ)
        tails = math.gamma(1 + 1 / shape) * torch.special.gammaincc(_float(1 / shape), powers)
        spans = levels[2:] - levels[:-2]
        gradient = tails[:-2] - tails[2:] - survival[1:-1] * spans
        density = shape * powers[1:-1] / levels[1:-1] * survival[1:-1]
        between = survival[1:-2] - survival[2:-1]
        hessian = torch.diag(density * spans) - torch.diag(between, 1) - torch.diag(between, -1)
        step = torch.linalg.solve(hessian, gradient)
        # No level may pass another.
        room = torch.minimum(levels.diff()[1:], levels.diff()[:-1])
        share = min(1.0, float((0.45 * room / step.abs()).min()))
        levels[1:-1] -= share * step
        if float((step.abs() / levels[1:-1]).max()) < 1e-9:
            break
    levels *= scale
    levels[-1] = largest
    return levels


def _companded(shape: float, top: float, n_levels: int) -> Tensor:
    order = (shape + 2) / (3 * shape)  # ∫ p^{1/3} dx = const · P(order, xᵏ/3)
    end = min(top**shape, 3 * (order + 8 * order**0.5 + 30))
    powers = torch.linspace(0, 1, 1025, dtype=torch.float64) ** max(1, 1 / order) * end
    shares = torch.special.gammainc(_float(order), powers / 3).numpy()
    at = np.interp(np.arange(n_levels + 1) / n_levels * shares[-1], shares, powers.numpy())
    levels = torch.from_numpy(at) ** (1 / shape)
    levels[-1] = top
    return levels


def _float(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def weibull_levels(values: Tensor, bits: int) -> Tensor:
    """Choose levels by a Weibull model of a tensor's magnitudes."""
    # Shapes: result (2^bits,)
    flat = values.detach().flatten()
    sample = flat[:: -(-len(flat) // _FIT_SIZE)].abs()
    levels = uniform_levels(values, bits)
    largest = float(levels[-1])
    if not math.isfinite(largest) or not sample.any():
        return levels
    model = fit(sample)
    found = optimal_levels(model.shape, model.scale, largest, 2**bits - 1)
    return found.to(levels)


def uniform_levels(values: Tensor, bits: int) -> Tensor:
    """Space levels evenly."""
    # Shapes: result (2^bits,)
    check_bits(bits)
    kind = torch.promote_types(values.dtype, torch.float32)
    largest = values.detach().abs().max().to(kind)
    largest = torch.where(largest.isfinite(), largest, torch.nan)
    steps = torch.linspace(0, 1, 2**bits, dtype=kind, device=values.device)
    return steps * largest


def check_bits(bits: int) -> None:
    """Refuse a number of bits that codes cannot have."""
    if isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= _MAX_BITS:
        raise ValueError(f"bits must be a whole number from 1 to {_MAX_BITS}, got {bits!r}")


LEVELS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "uniform": uniform_levels,
    "weibull": weibull_levels,
}
"""Name -> how levels are chosen for a tensor."""


def round_to_levels(
    values: Tensor, levels: Tensor, generator: torch.Generator | None, *, nearest: bool = False
) -> Tensor:
    """Round magnitudes to levels at random, without bias."""
    # Shapes: levels (s + 1,)
    magnitudes = values.abs().to(levels.dtype)
    lower = torch.bucketize(magnitudes, levels[1:-1].contiguous(), right=True, out_int32=True)
    flat = lower.flatten()
    share = magnitudes.sub_(levels.index_select(0, flat).view_as(magnitudes))
    share /= levels.diff().index_select(0, flat).view_as(magnitudes)
    limit = 0.5 if nearest else torch.empty_like(share).uniform_(generator=generator)
    up = share >= limit if nearest else share > limit
    return lower.to(torch.uint8).add_(up)


def rounding_variance(values: Tensor, levels: Tensor) -> float:
    """Sum the variances of unbiased rounding."""
    # Shapes: levels (s + 1,)
    levels = levels.double()
    magnitudes = values.detach().abs().double()
    lower = torch.bucketize(magnitudes, levels[1:-1].contiguous(), right=True)
    return float(((levels[lower + 1] - magnitudes) * (magnitudes - levels[lower])).sum())
