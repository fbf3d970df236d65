"""All results in one long frame, and the one way to pick numbers from it.

A row is one number of one run: experiment, arm, seed, stage, settings, metric, value and n, the number of
test images or weights behind it. A new kind of record adds a function to `gather.PARTS`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from partial_backprop.inputs import Run
from partial_backprop.report import gather
from partial_backprop.report.rows import AS_START, COLUMNS
from partial_backprop.table_entries import WHERE

Bits = Mapping[tuple[str, str, int, str], np.ndarray]
"""Experiment, arm, seed and stage -> which test images are right, a boolean array of shape (n_images,)."""


@dataclasses.dataclass(frozen=True)
class Results:
    """The results of some runs."""

    frame: pd.DataFrame
    """`COLUMNS`, one row per number."""
    runs: tuple[Run, ...] = ()
    bits: Bits = dataclasses.field(default_factory=dict)
    """Which test images are right, for the runs whose records say it."""


def results(runs: Sequence[Run]) -> Results:
    """Gather the results of runs."""
    rows = [row for run in runs for row in gather.rows(run)]
    frame = pd.DataFrame(rows, columns=COLUMNS).dropna(subset="value")
    # Several runs begin with the same network, and all find the same numbers of it.
    again = frame.duplicated([*WHERE, "metric"]) & frame["stage"].eq(AS_START)
    return Results(frame[~again].reset_index(drop=True), tuple(runs), _bits(runs))


def select(frame: pd.DataFrame, metric: str, **where: Any) -> pd.Series:
    """Pick one number per seed, where columns have the values given; None is a row that has none there."""
    chosen = frame["metric"].eq(metric)
    for column, value in where.items():
        chosen &= frame[column].isna() if value is None else frame[column].eq(value)
    found = frame[chosen].dropna(subset="value").set_index("seed")["value"].astype(float)
    if found.index.has_duplicates:
        raise ValueError(f"{metric} with {where} is not one number per seed")
    return found.sort_index()


def _bits(runs: Sequence[Run]) -> Bits:
    found = {}
    for run in runs:
        for chosen in run.record.selections:
            right = chosen.test_correct
            if right is not None:
                packed = np.frombuffer(right.packed(), np.uint8)
                bits = np.unpackbits(packed, count=right.n_examples).astype(bool)
                found[(*run.key, chosen.rule)] = bits
    return found
