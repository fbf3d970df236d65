"""Synthetic records of activations and gradients in few bits; no number here was measured."""

from collections.abc import Iterable

from tests import fake_gradients
from tests import made as made_up

from partial_backprop.experiments.tinyscript import results as tinyscript
from partial_backprop.experiments.tinyscript.results import MagnitudeModel, QuantizedTraining
from partial_backprop.inputs import Inputs

ARMS = ("float", "uniform_2bit", "uniform_4bit", "weibull_2bit", "weibull_4bit")
ARMS += ("activations_weibull_2bit", "gradients_weibull_2bit")
ACCURACY = dict(zip(ARMS, (80.0, 70.0, 78.0, 75.0, 79.0, 77.0, 76.0), strict=True))
"""Arm -> test accuracy of seed 0 after the last epoch, in percent; each seed has a point more."""

N_STEPS, ACTIVATION_BYTES, GRADIENT_BYTES = 50, 320 * 1024, 64 * 1024
RATIOS = {"activation": (0.5, 0.4, 0.3), "gradient": (1.2, 0.25, 0.125)}
"""Variance with Weibull levels by that with uniform ones, for each number of bits."""


def _magnitudes() -> tuple[MagnitudeModel, ...]:
    return tuple(
        MagnitudeModel(
            layer=layer,
            kind=kind,
            n_values=100 * size,
            n_zeros=40,
            shape=0.8,
            scale=0.5,
            largest=4.0,
            uniform_variances=(8.0, 4.0, 2.0),
            weibull_variances=tuple(
                ratio * variance for ratio, variance in zip(ratios, (8.0, 4.0, 2.0), strict=True)
            ),
            weibull_levels=tuple(
                tuple(4.0 * (i / (2**bits - 1)) ** 2 for i in range(2**bits))
                for bits in tinyscript.BITS
            ),
            bin_edges=(0.0, 1.0, 2.0, 4.0),
            bin_counts=(80 * size, 15 * size, 5 * size),
        )
        for layer, size in (("conv", 1), ("fc", 2))
        for kind, ratios in RATIOS.items()
    )


def measurements(arm: str) -> QuantizedTraining:
    """Make up what a run measures."""
    quantized = arm != "float"
    activations = quantized and not arm.startswith("gradients")
    gradients = quantized and not arm.startswith("activations")
    bits = int(arm[-4]) if quantized else 4
    share = (bits + 1) / 32
    return QuantizedTraining(
        levels="float" if not quantized else "uniform" if "uniform" in arm else "weibull",
        bits=bits,
        activations=activations,
        gradients=gradients,
        error_feedback=False,
        n_steps=N_STEPS,
        n_activation_bytes=round(activations * share * ACTIVATION_BYTES * N_STEPS),
        n_activation_bytes_before=activations * ACTIVATION_BYTES * N_STEPS,
        n_gradient_bytes=round(gradients * share * GRADIENT_BYTES * N_STEPS),
        n_gradient_bytes_before=gradients * GRADIENT_BYTES * N_STEPS,
        magnitudes=_magnitudes(),
    )


def inputs(
    arms: Iterable[str] = ARMS, seeds: Iterable[int] = (0, 1), experiments=("tinyscript",)
) -> Inputs:
    """Make up the runs of some arms."""
    return made_up.inputs(
        made_up.renamed(
            fake_gradients.record("full", seed, ACCURACY[arm] + seed),
            experiment,
            arm,
            measurements={tinyscript.KEY: measurements(arm).model_dump(mode="json")},
        )
        for experiment in experiments
        for arm in arms
        for seed in seeds
    )
