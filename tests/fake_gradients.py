"""Synthetic records of gradient_notes's experiment, made through the real models.

For tests only: no number here was measured. Accuracies follow `ACCURACY`, so that a test can read off
what a sentence must say.
"""

import itertools
from collections.abc import Iterable

from tests import made as made_up

from partial_backprop.experiments.gradient_counts import results as gradient_counts
from partial_backprop.experiments.gradient_counts.results import GradientCounts, WeightCounts
from partial_backprop.inputs import Inputs
from partial_backprop.record import NetworkFacts, Record

N_STEPS, N_ASKED = 50, 221_150
ACCURACY = {"full": 80.0, "threshold": 79.0, "random": 70.0}
"""Arm -> test accuracy of seed 0 after the last epoch, in percent; each seed has a point more."""

ZEROED = {"conv2d_1": 0.1, "conv2d_3": 0.2, "dense": 0.6, "dense_1": 0.01}
"""Layer -> share of its kernel that the threshold zeroes; the rest makes up the number asked for."""

_CHANNELS = (3, 32, 32, 64, 64, 128, 128)


def _weights(arm: str) -> tuple[WeightCounts, ...]:
    """List the weights of the seed's network; layers are named as in its summary."""
    sizes = [
        (f"conv2d_{n}" if n else "conv2d", 9 * before * after, after)
        for n, (before, after) in enumerate(itertools.pairwise(_CHANNELS))
    ]
    sizes += [("dense", 2048 * 128, 128), ("dense_1", 1280, 10)]
    n_eligible = sum(n for _, n, _ in sizes[1:])
    n_left = N_ASKED - sum(round(ZEROED.get(name, 0) * n) for name, n, _ in sizes)
    n_other = sum(n for name, n, _ in sizes[1:] if name not in ZEROED)
    found: list[dict[str, object]] = []
    for number, (layer, n_kernel, n_bias) in enumerate(sizes):
        eligible = number > 0
        share = {"full": 0, "random": N_ASKED / n_eligible}.get(
            arm, ZEROED.get(layer, n_left / n_other)
        )
        n_zeroed = round(share * n_kernel) * N_STEPS if eligible else 0
        squares = 1000.0 if eligible else 0.0
        gone = {"full": 0.0, "threshold": 0.01, "random": share}[arm] * squares
        found.append(
            {"layer": layer, "role": "kernel", "n_entries": n_kernel, "eligible": eligible}
        )
        found[-1] |= {"n_zeroed": n_zeroed, "n_natural_zeros": 100 * N_STEPS if eligible else 0}
        found[-1] |= {"squares": squares, "squares_zeroed": gone}
        found.append({"layer": layer, "role": "bias", "n_entries": n_bias})
        if layer != "dense_1":
            norm = f"batch_normalization_{number}" if number else "batch_normalization"
            for role in ("gamma", "beta", "moving_mean", "moving_variance"):
                found.append({"layer": norm, "role": role, "n_entries": n_bias})
    return tuple(
        WeightCounts(
            **{"eligible": False} | one,
            index=index,
            name=f"{one['layer']}.{one['role']}",
            trainable=not str(one["role"]).startswith("moving"),
        )
        for index, one in enumerate(found)
    )


def record(arm: str, seed: int, accuracy: float) -> Record:
    """Make up a run of a test accuracy after the last epoch, in percent."""
    config = made_up.config(
        gradient_counts.EXPERIMENT,
        arm,
        seed,
        {"name": "sparsify", "method": arm, "share": 0.4, "padding": 3},
        {"name": "sgd", "learning_rate": 0.001, "momentum": 0.9},
        {"name": "keras_cnn", "width": 1.0, "dropout": [0.2, 0.3, 0.4, 0.5]},
        epochs=7,
        batch_size=64,
    )
    counts = GradientCounts(
        method=arm,
        share=0.4,
        n_asked=N_ASKED,
        n_steps=N_STEPS,
        thresholds=(2e-3, 5e-4) if arm == "threshold" else (),
        weights=_weights(arm),
    )
    return made_up.record(
        config,
        data=made_up.data(),
        network=NetworkFacts(name="keras_cnn", n_parameters=551_722, full_size=True),
        selections=made_up.selections(made_up.from_last(accuracy), epoch=4),
        measurements={gradient_counts.KEY: counts.model_dump(mode="json")},
    )


def inputs(arms: Iterable[str] = tuple(ACCURACY), seeds: Iterable[int] = (0, 1, 2)) -> Inputs:
    """Make up what the table and the sentences read."""
    numbers = list(seeds)
    return made_up.inputs(
        record(arm, seed, ACCURACY[arm] + seed) for arm in arms for seed in numbers
    )
