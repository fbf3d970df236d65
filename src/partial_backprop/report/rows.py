"""Rows of the results frame, one per number: what all kinds of records have in common."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from partial_backprop.inputs import Run
from partial_backprop.record import Count
from partial_backprop.table_entries import WHERE

COLUMNS = (*WHERE, "metric", "value", "n")

Row = dict[str, Any]
Values = Mapping[str, float | None]

AS_START = "as_start"
"""Stage of a network as other runs find it that begin with its weights."""

TOTAL = "total"
"""Layer that stands for all of them together."""


def emit(run: Run, values: Values, n: float = np.nan, **settings: Any) -> Iterator[Row]:
    """Yield a row for each value that there is."""
    identity = dict(zip(("experiment", "arm", "seed"), run.key, strict=True)) | settings
    for metric, value in values.items():
        if value is not None:
            yield identity | {"metric": metric, "value": float(value), "n": n}


def percent(part: float, whole: float) -> float:
    """Return a share in percent; NaN of nothing."""
    return 100 * part / whole if whole else np.nan


def score(name: str, count: Count) -> dict[str, float]:
    """Return accuracy and counts, named."""
    return {
        f"{name}_accuracy_percent": 100 * count.n_correct / count.n_examples,
        f"{name}_n_correct": count.n_correct,
        f"{name}_n_examples": count.n_examples,
    }


def frozen_counts(run: Run) -> dict[str, float]:
    """What the mask froze and what of it moved; thresholds in the source's units (÷ learning rate)."""
    report, training = run.record.freezing, run.record.config.training
    if report is None:
        return {}
    n_weights = report.total("n_weights")
    values: dict[str, float] = {"n_weights": n_weights}
    for name in ("mask_zeros", "natural_zeros", "unmoved"):
        count = report.total(f"n_{name}")
        values |= {f"n_{name}": count, f"{name}_percent": percent(count, n_weights)}
    if report.threshold is not None and training is not None:
        rate = training.learning_rate(report.masked_at_epochs[-1])
        values["threshold_paper"] = report.threshold / rate
    if values["n_mask_zeros"]:
        drift = sum(layer.drift_sum_abs for layer in report.layers)
        values["drift_mean_abs"] = drift / values["n_mask_zeros"]
    values["drift_max_abs"] = max((layer.drift_max_abs for layer in report.layers), default=np.nan)
    return values
