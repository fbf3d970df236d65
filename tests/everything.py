"""Made-up runs of every kind at once, for what holds of all tables and figures."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from tests import (
    fake_captions,
    fake_filters,
    fake_gradients,
    fake_inclusion,
    fake_labs,
    fake_performance,
    fake_sizes,
    fake_tinyscript,
    fakes,
    lab1,
    made,
)

from partial_backprop import folders
from partial_backprop.freezing_report import FreezingReport, LayerFreezing
from partial_backprop.inputs import Inputs
from partial_backprop.measurements import mask_stability, movement
from partial_backprop.record import Record

CRITERIA = {"fb": 90.0, "gradient": 88.0, "fisher": 89.0, "random": 85.0}
"""Arm of a comparison of criteria -> test accuracy of seed 0 in percent; each seed has a point more."""


def criterion(experiment: str, arm: str, seed: int) -> Record:
    """Make up a run of a criterion that freezes nine weights of ten."""
    n_frozen = 0 if arm == "fb" else 900
    counts = {"n_weights": 1000, "n_mask_zeros": n_frozen, "n_unmoved": n_frozen}
    layer = LayerFreezing(
        name="w", n_natural_zeros=0, drift_sum_abs=0.0, drift_max_abs=0.0, **counts
    )
    frozen = FreezingReport(threshold=None, masked_at_epochs=(1,), layers=(layer,))
    base = fake_gradients.record("full", seed, CRITERIA[arm] + seed)
    return made.renamed(base, experiment, arm, freezing=frozen, measurements={})


def criteria(
    experiments: Iterable[str] = tuple(folders.about("criteria").experiments),
    seeds: Iterable[int] = (0, 1),
):
    """Make up runs of all criteria."""
    return made.inputs(
        criterion(experiment, arm, seed)
        for experiment in experiments
        for arm in CRITERIA
        for seed in seeds
    )


def _mask(size: int, start: int, n_frozen: int, n_both: int) -> mask_stability.BatchMask:
    return mask_stability.BatchMask(
        batch_size=size, start=start, threshold=1e-4, n_frozen=n_frozen, n_zero_gradients=n_frozen,
        n_zero_under_first=60, n_frozen_in_first=n_both,
    )  # fmt: skip


MASKS = mask_stability.MaskStability(
    epoch=2,
    n_weights=100,
    own=_mask(100, 0, 50, 50),
    others=(_mask(25, 100, 40, 30), _mask(25, 125, 60, 40), _mask(400, 100, 50, 45)),
    pairs=(mask_stability.Pair(batch_size=25, first=100, second=125, n_frozen_in_both=35),),
)
"""Of 100 weights a batch's mask freezes these; masks of 25 images are two, of 400 one."""
MEDIANS = (0.001, 0.003, 0.002, 0.004)
"""How far weights went that had no gradient, and those of three bins of gradients."""


def _movement(number: int, scale: float) -> movement.BatchMovement:
    ends = [(0, 0), (1e-6, 1e-5), (1e-5, 1e-4), (1e-4, 1e-3)]
    bins = [
        movement.Bin(
            low=low, high=high, n=100, mean=m, quantiles=[scale * m * i / 3 for i in range(1, 6)]
        )
        for (low, high), m in zip(ends, MEDIANS, strict=True)
    ]
    few = movement.Bin(low=1e-3, high=1e-2, n=2, mean=1.0, quantiles=(1.0,) * 5)
    return movement.BatchMovement(
        batch=number, bins=(*bins, few), rank_correlation=-0.25, n_ranked=300
    )


MOVEMENT = movement.MovementReport(
    epoch=2, batch_size=100, batches=(_movement(0, 1), _movement(1, 1.1)), sha256="0"
)


def measured(inputs: Inputs) -> Inputs:
    """Add what arms of PB tell of their masks, and FB of how far weights went."""
    reports = {"pb": {mask_stability.KEY: MASKS}, "fb": {movement.KEY: MOVEMENT}}
    runs = []
    for run in inputs.runs:
        found = {
            key: one.model_dump(mode="json") for key, one in reports.get(run.key[1], {}).items()
        }
        more = {"measurements": run.record.measurements | found}
        runs.append(dataclasses.replace(run, record=run.record.model_copy(update=more)))
    return dataclasses.replace(inputs, runs=tuple(runs))


def inputs(root: Path, seeds: Iterable[int] = (0, 1)) -> Inputs:
    """Make up runs of all experiments, in a folder."""
    numbers = tuple(seeds)
    first = measured(fakes.inputs(root, seeds=numbers))
    parts = [
        criteria(seeds=numbers),
        fake_labs.inputs(seeds=numbers),
        fake_captions.write_examples(fake_captions.inputs(seeds=numbers, root=root)),
        fake_filters.inputs(numbers, folder=root),
        fake_gradients.inputs(seeds=numbers),
        fake_inclusion.inputs(numbers, folder=root),
        fake_sizes.inputs(seeds=numbers),
        fake_tinyscript.inputs(seeds=numbers, experiments=("tinyscript", "tinyscript_cifar10")),
        lab1.inputs(),
    ]
    runs = {run.key: run for part in (first, *parts) for run in part.runs}
    return dataclasses.replace(
        first,
        runs=tuple(runs[key] for key in sorted(runs)),
        performance=fake_performance.found(),
    )


def nothing(full: Inputs) -> Inputs:
    """Take all runs away."""
    return dataclasses.replace(full, runs=(), gradients=(), performance=())


def partly(full: Inputs, position: int) -> Inputs:
    """Leave one arm of each experiment: the first or the last, at its first seed."""
    kept = {}
    for run in full.runs if position == -1 else reversed(full.runs):
        kept[run.key[0]] = run
    runs = tuple(sorted(kept.values(), key=lambda run: run.key))
    return dataclasses.replace(full, runs=runs, gradients=full.gradients[:1])
