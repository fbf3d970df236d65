"""Descend on the sum of squared errors of a sparse linear model (sparse_homework, Lab 1).

Needs no torch: an arm takes a fraction of a second.
"""

import time
from functools import partial
from typing import Any

import numpy as np

from partial_backprop.errors import UserError
from partial_backprop.experiments.linear_models import results as linear
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.provenance import write_record
from partial_backprop.run_config import RunConfig
from partial_backprop.sparse.descent import full_batch, per_sample
from partial_backprop.sparse.penalties import (
    l1_subgradient,
    soft_threshold,
    trimmed_soft_threshold,
)
from partial_backprop.sparse.projection import TIES, project
from partial_backprop.sparse.samples import SPARSEST, X, Y
from partial_backprop.sparse.squares import Array, loss

METHODS = ("plain", "projected", "l1", "proximal", "trimmed")
ORDERS = ("full_batch", "per_sample", "per_sweep")


def run(
    config: RunConfig,
    job: Job,
    *,
    # No penalty; projection onto ‖W‖₀ ≤ `n_nonzero`; λ‖W‖₁ by its subgradient; the same by its
    # proximal operator; λ times the sum of all but the `n_nonzero` largest magnitudes by its
    # proximal operator
    method: str,
    # All samples at a time; one after the other; the same, but projected after each sweep over the
    # samples instead of each update
    order: str = "full_batch",
    # Each λ; none for a method without a penalty
    strengths: tuple[float, ...] = (),
    # Weights that may differ from zero, or that the trimmed penalty spares
    n_nonzero: int = 2,
    # Which of several equal magnitudes count as the larger ones
    ties: str = "last",
    # Rate μ, above 0
    learning_rate: float = 0.02,
    # Steps: updates from all samples, or sweeps
    steps: int = 200,
) -> None:
    """Descend once for each strength of the penalty, and leave ``record.json``."""
    # Source: sparse_homework, Lab 1 (b) to (f)
    name = f"{config.experiment}/{config.arm}"
    started = time.monotonic()
    _check(name, method, order, strengths, n_nonzero, ties, learning_rate, steps)
    courses = []
    for strength in strengths or (None,):
        moves = _moves(method, order, strength, n_nonzero, ties, learning_rate)
        descend = full_batch if order == "full_batch" else per_sample
        with np.errstate(over="ignore", invalid="ignore"):
            path = descend(X, Y, learning_rate=learning_rate, steps=steps, **moves)
            losses = [loss(weights, X, Y) for weights in path]
        if not np.isfinite(losses).all():
            raise UserError(f"{name}: the descent diverges: lower learning_rate or the strengths")
        courses.append(linear.Course(strength=strength, losses=losses, weights=path.tolist()))
    report = linear.LinearReport(
        x=X.tolist(),
        y=Y.tolist(),
        sparsest=SPARSEST.tolist(),
        learning_rate=learning_rate,
        n_steps=steps,
        updates_per_step=1 if order == "full_batch" else len(X),
        courses=courses,
    )
    write_record(
        config,
        job.out,
        None,
        time.monotonic() - started,
        measurements={linear.KEY: report.model_dump(mode="json")},
    )


def _check(
    name: str,
    method: str,
    order: str,
    strengths: tuple[float, ...],
    n_nonzero: int,
    ties: str,
    learning_rate: float,
    steps: int,
) -> None:
    choices = {"method": (method, METHODS), "order": (order, ORDERS), "ties": (ties, TIES)}
    for key, (value, valid) in choices.items():
        if value not in valid:
            raise UserError(f"{name}: unknown {key} {value!r}: choose one of {', '.join(valid)}")
    if order == "per_sweep" and method != "projected":
        raise UserError(f"{name}: only projected descent goes per_sweep: choose per_sample")
    penalized = method not in ("plain", "projected")
    if penalized != bool(strengths):
        needs = "needs strengths" if penalized else "has no penalty: remove strengths"
        raise UserError(f"{name}: {method} {needs}")
    if any(not 0 <= strength < np.inf for strength in strengths):
        raise UserError(f"{name}: strengths must be finite and from 0 up, got {list(strengths)}")
    if not 0 <= n_nonzero <= X.shape[1]:
        raise UserError(f"{name}: n_nonzero must be from 0 to {X.shape[1]}, got {n_nonzero}")
    if not 0 < learning_rate < np.inf:
        raise UserError(f"{name}: learning_rate must be positive, got {learning_rate}")
    if steps < 1:
        raise UserError(f"{name}: steps must be at least 1, got {steps}")


def _moves(
    method: str, order: str, strength: float | None, n_nonzero: int, ties: str, rate: float
) -> dict[str, Any]:
    """Options of a descent that make it the method's."""
    if method == "plain":
        return {}
    if method == "projected":
        when = "after_sweep" if order == "per_sweep" else "after_update"
        return {when: partial(project, n_nonzero=n_nonzero, ties=ties)}
    if method == "l1":
        return {"subgradient": partial(l1_subgradient, strength=strength)}
    if method == "proximal":
        return {"after_update": partial(soft_threshold, threshold=rate * strength)}

    def trimmed(weights: Array) -> Array:
        return trimmed_soft_threshold(weights, rate * strength, len(weights) - n_nonzero, ties)

    return {"after_update": trimmed}
