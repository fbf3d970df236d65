"""Synthetic records of every kind at once, for what holds of all tables. No number here was measured."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import fake_captions
import fake_filters
import fake_gradients
import fake_inclusion
import fake_labs
import fake_performance
import fake_sizes
import fake_tinyscript
import fakes
import lab1
from partial_backprop.inputs import Inputs


def inputs(root: Path, seeds: Iterable[int] = (0, 1, 2)) -> Inputs:
    """Make up runs of all experiments, in a folder."""
    numbers = tuple(seeds)
    first = fakes.inputs(root, seeds=numbers)
    few_bits = ("tinyscript", "tinyscript_cifar10")
    parts = [
        fake_labs.inputs(seeds=numbers),
        fake_captions.inputs(seeds=numbers),
        fake_filters.inputs(numbers, folder=root),
        fake_gradients.inputs(seeds=numbers),
        fake_inclusion.inputs(numbers, folder=root),
        fake_sizes.inputs(seeds=numbers),
        fake_tinyscript.inputs(seeds=numbers, experiments=few_bits),
        lab1.inputs(),
    ]
    runs = {run.key: run for part in (first, *parts) for run in part.runs}
    return dataclasses.replace(
        first,
        runs=tuple(runs[key] for key in sorted(runs)),
        performance=fake_performance.inputs().performance,
    )


def nothing(full: Inputs) -> Inputs:
    """Take all runs away."""
    return dataclasses.replace(full, runs=(), gradients=(), performance=())
