"""From measured steps of several optimizers to medians (seed 004, table 6)."""

from collections.abc import Iterable

from partial_backprop.frames import inclusion_arms
from partial_backprop.frames.inclusion_arms import COST
from partial_backprop.inputs import Run
from partial_backprop.measurements import step_costs

BASE = "sgd"
"""Optimizer against which the others are set."""


def first_seeds(runs: Iterable[Run]) -> list[Run]:
    """Find the runs that are shown.

    Parameters
    ----------
    runs : iterable of Run
        Runs of any experiments.

    Returns
    -------
    list of Run
        That with the lowest seed of each arm.
    """
    found: dict[str, Run] = {}
    for run in sorted(inclusion_arms.of(runs, COST), key=lambda run: run.record.seed):
        found.setdefault(run.record.arm, run)
    return list(found.values())


def medians(run: Run) -> dict[str, dict[str, float]]:
    """Summarise the times of a run.

    Parameters
    ----------
    run : Run
        A run that measured optimizers.

    Returns
    -------
    dict
        Optimizer -> ``step_s``, ``update_s``, ``extra_bytes`` and ``times_sgd``, the median of its
        ratios to plain SGD, round by round; empty where there are no times.
    """
    times = step_costs.timing(run.path)
    if times is None or times.empty:
        return {}
    by_round = times.pivot(index="round", columns="optimizer", values="step_s")
    found = times.groupby("optimizer")[["step_s", "update_s", "extra_bytes"]].median()
    found["times_sgd"] = float("nan")
    if BASE in by_round:
        found["times_sgd"] = by_round.div(by_round[BASE], axis=0).median()
    return {str(name): row.to_dict() for name, row in found.iterrows()}
