"""What bfloat16 does to accuracy: an equivalence test over paired seeds, on networks of the scale ``demo``.

``python -m benchmarks.bf16_accuracy``. FB is trained twice from the same initial weights, split and order
of the batches, in float32 and in bfloat16, and scored on the test set after the last epoch. The two count
as equivalent on a network if the 90 % interval of Student's t for their mean difference lies within the
margin: two one-sided tests at 5 % (Schuirmann, "A comparison of the two one-sided tests procedure and the
power approach", Journal of Pharmacokinetics and Biopharmaceutics 15, 1987).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy import stats

from benchmarks import paired
from benchmarks.command import Benchmark, main, quantity
from partial_backprop import config, labels
from partial_backprop.performance import Quantity, Spread
from partial_backprop.recipes.context import build_context
from partial_backprop.recipes.job import Job
from partial_backprop.run_config import RunConfig
from partial_backprop.training.loop import fit
from partial_backprop.training.seeding import make_deterministic

# Named before the first run.
MARGIN = 2.0  # percentage points
SEEDS = range(6)
NETWORKS = ("lenet5_mnist", "resnet110_cifar10", "vgg19_cifar10")
LEVEL = 0.05  # of each one-sided test


def accuracy(run: RunConfig) -> float:
    """Train to the last epoch."""
    here = Path()  # nothing is read or written
    context = build_context(run, Job(out=here, data_root=here, device=torch.device("cpu")))
    fit(context.train_state, context.splits, run.training, run.seed)
    row = context.train_state.rows[-1]
    return 100 * row["test_n_correct"] / row["test_n_examples"]


def interval(differences: Sequence[float], level: float = LEVEL) -> tuple[float, float]:
    """Bound the mean difference by one-sided tests."""
    mean, error = np.mean(differences), stats.sem(differences)
    reach = stats.t.ppf(1 - level, len(differences) - 1) * error
    return float(mean - reach), float(mean + reach)


def quantities(
    experiment: str, float32: Sequence[float], bf16: Sequence[float]
) -> tuple[Quantity, ...]:
    """Put the accuracies of a network into the form of a benchmark."""
    network = labels.experiments()[experiment]
    differences = [after - before for before, after in zip(float32, bf16, strict=True)]
    farthest = float(f"{max(map(abs, interval(differences))):.3g}")
    reach = Spread(low=farthest, median=farthest, high=farthest, n=len(differences))
    found = (
        ("float32", "test accuracy in float32", "%", paired.spread(float32), None),
        ("bf16", "test accuracy in bfloat16", "%", paired.spread(bf16), None),
        ("difference", "bfloat16 − float32", "points", paired.spread(differences), None),
        (
            "reach",
            f"farther end of the {1 - 2 * LEVEL:.0%} interval of the mean difference",
            "points",
            reach,
            MARGIN,
        ),
    )
    return tuple(
        quantity(f"{experiment}_{name}", f"{network}: {title}", unit, value, at_most=at_most)
        for name, title, unit, value, at_most in found
    )


def run(benchmark: Benchmark) -> None:
    """Train every pair."""
    benchmark.on(1)
    for experiment in NETWORKS[:1] if benchmark.quick else NETWORKS:
        found: dict[str, list[float]] = {"fb": [], "fb_bf16": []}
        for seed in SEEDS[:2] if benchmark.quick else SEEDS:
            for arm, accuracies in found.items():
                run = config.resolve("demo", experiment, arm, seed)
                make_deterministic(run.training.threads)
                accuracies.append(accuracy(run))
        benchmark.add(quantities(experiment, *found.values()))


if __name__ == "__main__":
    main("bf16_accuracy", run)
