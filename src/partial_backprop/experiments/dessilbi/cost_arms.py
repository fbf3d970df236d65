"""From measured steps of several optimizers to medians (seed 004, table 6)."""

from collections.abc import Iterable

from partial_backprop.experiments.dessilbi import inclusion_arms, step_costs
from partial_backprop.experiments.dessilbi.inclusion_arms import COST
from partial_backprop.inputs import Run

BASE = "sgd"
"""Optimizer against which the others are set."""


def first_seeds(runs: Iterable[Run]) -> list[Run]:
    """Find the runs that are shown."""
    found: dict[str, Run] = {}
    for run in sorted(inclusion_arms.of(runs, COST), key=lambda run: run.record.seed):
        found.setdefault(run.record.arm, run)
    return list(found.values())


def medians(run: Run) -> dict[str, dict[str, float]]:
    """Summarise the times of a run."""
    times = step_costs.timing(run.path)
    if times is None or times.empty:
        return {}
    by_round = times.pivot(index="round", columns="optimizer", values="step_s")
    found = times.groupby("optimizer")[["step_s", "update_s", "extra_bytes"]].median()
    found["times_sgd"] = float("nan")
    if BASE in by_round:
        found["times_sgd"] = by_round.div(by_round[BASE], axis=0).median()
    return {str(name): row.to_dict() for name, row in found.iterrows()}
