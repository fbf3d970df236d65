"""What a run of sparse_homework's Lab 1 puts into its record's ``measurements``, and how it is read.

A step is one update from all samples, or one sweep of updates from each sample in turn.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import pydantic

from partial_backprop.record import Record
from partial_backprop.run_config import Frozen

KEY = "linear"
"""Key of a `LinearReport` in `record.Record.measurements`."""

EXPERIMENT = "lab1"

TAIL_STEPS = 20
"""Last steps, on which noise is measured, and in which what has settled does not move."""
RELATIVE_TOLERANCE = 0.01
ABSOLUTE_TOLERANCE = 1e-6
"""How far a settled loss may be from its last value: the larger of the two."""
WEIGHT_TOLERANCE = 0.01
"""How far a settled weight may be from its last value."""


class Part(NamedTuple):
    """One question of the lab."""

    letter: str
    method: str
    """Arms are named METHOD_ORDER."""
    title: str


PARTS = (
    Part("b", "plain", "plain descent"),
    Part("c", "projected", "projected to at most two weights"),
    Part("d", "l1", "ℓ₁, subgradient"),
    Part("e", "proximal", "ℓ₁, proximal"),
    Part("f", "trimmed", "trimmed ℓ₁, proximal"),
)

ORDERS = {
    "full_batch": "full batch",
    "per_sample": "per sample",
    "per_sweep": "by sweep",
    "per_sample_ties_first": "per sample, ties first",
    "per_sweep_ties_first": "by sweep, ties first",
}
"""How an arm descends -> how that is called in print."""


class Course(Frozen):
    """One descent, update by update, W⁰ included."""

    strength: float | None
    """λ, the weight of the penalty; None where there is none."""
    losses: tuple[float, ...]
    """L, the sum of squared errors, without the penalty."""
    weights: tuple[tuple[float, ...], ...]
    """W."""


class LinearReport(Frozen):
    """Descents by one method in one order."""

    x: tuple[tuple[float, ...], ...]
    """Samples."""
    y: tuple[float, ...]
    """Targets."""
    sparsest: tuple[float, ...]
    """W*, the sparsest weights whose loss is 0."""
    learning_rate: float
    """μ; a proximal operator's threshold is μλ."""
    n_steps: int = pydantic.Field(ge=1)
    updates_per_step: int = pydantic.Field(ge=1)
    """1 where all samples make one update, else the number of samples."""
    courses: tuple[Course, ...]
    """One for each λ, in the order of the configuration."""


def of(record: Record) -> LinearReport:
    """Read the report out of a record."""
    return record.measured(KEY, LinearReport, "descents of a linear model")


def reports(records: Iterable[Record]) -> dict[str, LinearReport]:
    """Gather the lab's reports."""
    found = {
        record.arm: record
        for record in sorted(records, key=lambda record: -record.seed)
        if record.experiment == EXPERIMENT
    }
    arms = [f"{part.method}_{order}" for part in PARTS for order in ORDERS]
    return {arm: of(found[arm]) for arm in arms if arm in found}


def by_step(report: LinearReport, values: Sequence[object]) -> Sequence[object]:
    """Pick what stands at the end of each step."""
    return values[:: report.updates_per_step]


def support(weights: Sequence[float]) -> tuple[int, ...]:
    """List the weights that are not exactly zero."""
    return tuple(position for position, weight in enumerate(weights, start=1) if weight != 0)


def loss_settled_after(losses: Sequence[float]) -> int | None:
    """Find when a loss arrived."""
    tolerance = max(RELATIVE_TOLERANCE * losses[-1], ABSOLUTE_TOLERANCE)
    return _settled_after([abs(loss - losses[-1]) <= tolerance for loss in losses])


def weights_settled_after(weights: Sequence[Sequence[float]]) -> int | None:
    """Find when all weights arrived."""
    return _settled_after([largest_difference(w, weights[-1]) <= WEIGHT_TOLERANCE for w in weights])


def _settled_after(is_near: Sequence[bool]) -> int | None:
    away = [step for step, near in enumerate(is_near) if not near]
    settled = away[-1] + 1 if away else 0
    return settled if settled <= max(0, len(is_near) - 1 - TAIL_STEPS) else None


def largest_difference(weights: Sequence[float], others: Sequence[float]) -> float:
    """Compare two sets of weights."""
    return max(abs(one - other) for one, other in zip(weights, others, strict=True))


def noise(losses: Sequence[float], n_last: int = TAIL_STEPS) -> float:
    """Measure how much a loss still moves at the end."""
    tail = pairwise(losses[-n_last - 1 :])
    return max((abs(after - before) for before, after in tail), default=0.0)
