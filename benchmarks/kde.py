"""The automatic threshold on millions of gradients: time, memory, and distance from scipy's density.

``python -m benchmarks.kde``; gradients are drawn from a heavy-tailed distribution, as real ones have it.
"""

import resource

import numpy as np
import torch

from benchmarks import machine, paired
from benchmarks.command import Benchmark, main, quantity
from partial_backprop.freezing.density import kde
from partial_backprop.freezing.otsu import otsu_kde
from partial_backprop.performance import Spread

N_GRADIENTS = 20_000_000
"""About as many as VGG19 has weights."""
N_SUBSAMPLE = 5_000
"""Of the comparison with scipy, whose time grows as the product of values and points."""
N_POINTS = 400
RESOLVED = 0.01
"""Share of the density's maximum above which its points are compared."""


def gradients(n: int, seed: int = 0) -> torch.Tensor:
    """Draw gradients."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.empty(n).normal_(0, 1, generator=generator).exp_().mul_(1e-4)
    for piece in drawn.split(2**20):  # one large array at once, and no second beside it
        piece.mul_(torch.empty_like(piece).normal_(0, 1, generator=generator))
    return drawn


def deviation(values: np.ndarray) -> Spread:
    """Compare our density with scipy's."""
    from scipy.stats import gaussian_kde

    ours = kde(values)
    reference = gaussian_kde(values, bw_method=ours.bandwidth / values.std(ddof=1))
    chosen = np.unique(np.linspace(0, len(ours.grid) - 1, N_POINTS).astype(int))
    points = ours.grid[chosen]
    theirs = reference(points) + reference(-points)  # reflected at 0, as ours is
    there = theirs > RESOLVED * theirs.max()
    apart = 100 * np.abs(ours.density[chosen] - theirs)[there] / theirs[there]
    low, median, high = (float(f"{one:.3g}") for one in np.percentile(apart, (25, 50, 100)))
    return Spread(low=low, median=median, high=high, n=int(there.sum()))


def peak_mib() -> float:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * machine.RSS_UNIT / 2**20


def run(benchmark: Benchmark) -> None:
    """Measure time, memory and deviation."""
    n = N_GRADIENTS // 10 if benchmark.quick else N_GRADIENTS
    threads = benchmark.threads or machine.n_cores()
    torch.set_num_threads(threads)
    benchmark.on(threads)
    values = gradients(n)
    otsu_kde(values[:1000])  # imports
    before = peak_mib()
    times = paired.interleave(
        {"threshold": lambda: otsu_kde(values)}, rounds=3 if benchmark.quick else 7
    )
    beyond = peak_mib() - before
    apart = deviation(np.abs(gradients(N_SUBSAMPLE, seed=1).numpy()))
    worst = Spread(low=apart.high, median=apart.high, high=apart.high, n=apart.n)
    millions = f"{n / 1e6:g} million gradients"
    benchmark.add(
        [
            quantity(
                "time",
                f"Density and threshold of {millions}",
                "s",
                times.spread("threshold"),
                at_most=1.0,
            ),
            quantity(
                "memory",
                f"Memory of the same, beyond imports and the {millions}",
                "MiB",
                paired.spread([beyond]),
                at_most=1000.0,
            ),
            quantity(
                "deviation",
                f"Largest deviation from scipy's density, {N_SUBSAMPLE:,} gradients",
                "%",
                worst,
                at_most=1.0,
            ),
        ]
    )


if __name__ == "__main__":
    main("kde", run)
