"""What the runs of Labs 1 to 3, and of filter pruning, say about the true/false questions of seed 003."""

import math
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from partial_backprop.frames import filter_arms, points
from partial_backprop.frames.points import LAB2, LAB3
from partial_backprop.inputs import Inputs
from partial_backprop.measurements import linear
from partial_backprop.measurements.linear import LinearReport
from partial_backprop.report.frame import results, select
from partial_backprop.tables import layout

NONE = "No experiment here."
_NOT_RUN = "Not run."
NEAR_ZERO = 0.05
"""Threshold of one final pruning of a weight of Lab 1, whose targets are whole numbers."""

_SPARSE = "iterative_global"
_BITS = (4, 3, 2)


class Evidence(NamedTuple):
    """What was measured, as numbers and in words."""

    values: dict[str, float]
    """Quantity with its unit -> mean over seeds."""
    text: str


def _accuracy(frame: pd.DataFrame, experiment: str, arm: str) -> float:
    return float(points.pick(frame, experiment, arm, "last").mean())


def _together(inputs: Inputs) -> Evidence:
    frame = points.frame(inputs.runs)
    zeros = points.pick(frame, LAB3, "joint_4bit", "last", "zeros_percent").mean()
    values = {
        "joint_4bit_accuracy_percent": _accuracy(frame, LAB3, "joint_4bit"),
        "quantized_4bit_accuracy_percent": _accuracy(frame, LAB3, "finetune_4bit"),
        "pruned_accuracy_percent": _accuracy(frame, LAB2, _SPARSE),
        "float_accuracy_percent": float(points.started(frame).mean()),
        "joint_4bit_zeros_percent": float(zeros),
    }
    joint, quantized, pruned, start, share = map(layout.number, values.values())
    if joint == layout.NONE:
        return Evidence(values, _NOT_RUN)
    return Evidence(
        values,
        f"Lab 3 (d), last epoch: {joint} % correct with {share} % zeros and 4 bits; with 4 bits alone "
        f"{quantized} %, pruned alone {pruned} %, in floating point {start} %.",
    )


def _to_code(layers: pd.DataFrame, experiment: str, arm: str) -> pd.DataFrame:
    chosen = layers["experiment"].eq(experiment) & layers["arm"].eq(arm)
    inner = layers["prunable"].eq(True) & ~layers["name"].isin(points.FLOAT_LAYERS)
    return layers[chosen & layers["stage"].eq("last") & inner].astype(
        {"n_weights": float, "n_zeros": float, "n_values": float}
    )


def _codes(inputs: Inputs) -> Evidence:
    layers = points.layers(inputs.runs)
    sparse, joint = _to_code(layers, LAB2, _SPARSE), _to_code(layers, LAB3, "joint_4bit")
    seeds = max(sparse["seed"].nunique(), 1)
    left = (sparse["n_weights"] - sparse["n_zeros"]).sum() / seeds
    distinct = (sparse["n_values"] - (sparse["n_zeros"] > 0)).sum() / seeds
    values = {
        "nonzero_weights": left if len(sparse) else float("nan"),
        "distinct_nonzero_values": distinct if len(sparse) else float("nan"),
        "joint_4bit_values_max": float(joint["n_values"].max()),
    }
    if not (len(sparse) and len(joint)):
        return Evidence(values, _NOT_RUN)
    return Evidence(
        values,
        f"Lab 2 (e): the {left:,.0f} weights that pruning leaves in the inner layers take "
        f"{distinct:,.0f} distinct values, counted layer by layer; with 4 bits (Lab 3 (d)) no inner layer "
        f"has more than {values['joint_4bit_values_max']:.0f} values, zero included, for a code to name.",
    )


def _through_the_quantizer(inputs: Inputs) -> Evidence:
    frame = points.frame(inputs.runs)
    counts = {
        bits: points.pick(frame, LAB3, f"finetune_{bits}bit", "last", "n_values").max()
        for bits in _BITS
    }
    values = {f"values_max_{bits}bit": float(count) for bits, count in counts.items()}
    seen = {bits: f"{count:.0f}" for bits, count in counts.items() if count == count}
    if not seen:
        return Evidence(values, _NOT_RUN)
    listed = ", ".join(f"{count} with {bits} bits" for bits, count in seen.items())
    return Evidence(
        values,
        f"Lab 3 (c): of a quantized layer the loss sees at most so many values after the last epoch: "
        f"{listed}. The weights that are trained stay in floating point.",
    )


def _mixed(inputs: Inputs) -> Evidence:
    layers = points.layers(inputs.runs)
    outer = layers[layers["experiment"].eq(LAB3) & layers["name"].isin(points.FLOAT_LAYERS)]
    n_float = (
        float(outer.drop_duplicates("name")["n_weights"].sum()) if len(outer) else float("nan")
    )
    values = {"unquantized_weights": n_float}
    if not len(outer):
        return Evidence(values, _NOT_RUN)
    return Evidence(
        values,
        f"Not run: each network of Lab 3 has the same bits in all layers but the first and the last, "
        f"whose {n_float:,.0f} weights stay in floating point.",
    )


def _descents(inputs: Inputs, *methods: str) -> list[LinearReport] | None:
    found = linear.reports(run.record for run in inputs.runs)
    arms = [f"{method}_full_batch" for method in methods]
    return [found[arm] for arm in arms] if all(arm in found for arm in arms) else None


def _lasso(inputs: Inputs) -> Evidence:
    names = ("l1_weights_near_zero_min", "projected_weights_zero")
    found = _descents(inputs, "l1", "projected")
    if found is None:
        return Evidence(dict.fromkeys(names, float("nan")), _NOT_RUN)
    lasso, projected = found
    ends = [course.weights[-1] for course in lasso.courses]
    near = [sum(abs(weight) <= NEAR_ZERO for weight in end) for end in ends]
    zero = sum(weight == 0 for weight in projected.courses[0].weights[-1])
    exact = [sum(weight == 0 for weight in end) for end in ends]
    counts = " / ".join(map(str, near))
    return Evidence(
        dict(zip(names, map(float, (min(near), zero)), strict=True)),
        f"Lab 1, full batch: {counts} of {len(ends[0])} weights end within {NEAR_ZERO} of zero under ℓ1 "
        f"(λ = {_strengths(lasso)}; {' / '.join(map(str, exact))} exactly at zero); projected descent, "
        f"which prunes at every step, sets {zero} to zero.",
    )


def _strengths(report: LinearReport) -> str:
    return " / ".join(f"{course.strength:g}" for course in report.courses)


def _last_losses(report: LinearReport) -> list[float]:
    return [course.losses[-1] for course in report.courses]


def _bias(inputs: Inputs) -> Evidence:
    names = ("proximal_loss_min", "proximal_loss_max", "trimmed_loss_max")
    found = _descents(inputs, "proximal", "trimmed")
    if found is None:
        return Evidence(dict.fromkeys(names, float("nan")), _NOT_RUN)
    proximal, trimmed = map(_last_losses, found)
    values = dict(zip(names, (min(proximal), max(proximal), max(trimmed)), strict=True))
    low, high, most = map(layout.significant, values.values())
    return Evidence(
        values,
        f"Lab 1, full batch, loss in the end: {low} to {high} with soft thresholding (λ = "
        f"{_strengths(found[0])}), at most {most} trimmed (λ = {_strengths(found[1])}).",
    )


def _smoothness(inputs: Inputs) -> Evidence:
    names = ("l1_noise_max", "proximal_noise_max")
    found = _descents(inputs, "l1", "proximal")
    if found is None:
        return Evidence(dict.fromkeys(names, float("nan")), _NOT_RUN)
    worst = [
        max(linear.noise(linear.by_step(report, course.losses)) for course in report.courses)
        for report in found
    ]
    subgradient, proximal = map(layout.significant, worst)
    return Evidence(
        dict(zip(names, worst, strict=True)),
        f"Lab 1, full batch: over the last {linear.TAIL_STEPS} steps the loss changes by up to "
        f"{subgradient} a step with the subgradient of ℓ1, by up to {proximal} with its proximal operator "
        f"(λ = {_strengths(found[0])}).",
    )


def _filters(inputs: Inputs) -> Evidence:
    frame = results(
        [run for run in inputs.runs if run.record.experiment == filter_arms.EXPERIMENT]
    ).frame
    counts = {
        arm: select(frame, "n_empty_filters", arm=arm).mean() for arm in ("group_filters", "plain")
    }
    values = {f"{arm}_empty_filters": float(count) for arm, count in counts.items()}
    lasso, plain = values.values()
    if math.isnan(lasso):
        return Evidence(values, _NOT_RUN)
    without = "not run" if math.isnan(plain) else f"{plain:g}"
    return Evidence(
        values,
        f"Filter pruning: {lasso:g} filters are zero under group lasso; without it {without}.",
    )


GATHER: dict[str, Callable[[Inputs], Evidence]] = {
    "1.1": _together,
    "1.3": _codes,
    "1.4": _lasso,
    "1.5": _bias,
    "1.6": _filters,
    "1.7": _smoothness,
    "1.9": _through_the_quantizer,
    "1.10": _mixed,
}
"""Statement -> how its evidence is gathered; the others have no experiment."""


def gather(inputs: Inputs, statement: str) -> Evidence:
    """Gather the evidence on a statement.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments.
    statement : str
        Its number, such as ``1.1``.

    Returns
    -------
    Evidence
        Values are NaN, and the text says so, where nothing ran.
    """
    return GATHER[statement](inputs) if statement in GATHER else Evidence({}, NONE)
