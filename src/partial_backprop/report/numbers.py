"""Numbers of the seeds, in a cell and in the CSV; and the one difference of two arms."""

import math
from typing import Any

import numpy as np
import pandas as pd

from partial_backprop.report import layout, stats
from partial_backprop.report.frame import Bits
from partial_backprop.report.stats import Interval
from partial_backprop.table_entries import NAMELESS, Column, Where


def csv_name(name: str, statistic: str) -> str:
    """Name the column of the CSV that has a statistic."""
    return name if statistic in NAMELESS else f"{name}_{statistic}".strip("_")


def counts(column: Column) -> dict[str, str]:
    """List a column's counts: column of the CSV -> metric."""
    if isinstance(column.counts, dict):
        return column.counts
    metric = (column.metric or "").removesuffix("accuracy_percent")
    return {f"{column.counts}_{metric}{n}": f"{metric}{n}" for n in ("n_correct", "n_examples")}


def statistic(name: str, values: pd.Series, found: Interval | None) -> Any:
    """Compute a statistic over seeds, or of a difference."""
    if found is not None and name in ("mean", "low", "high", "n_pairs"):
        return found.n if name == "n_pairs" else getattr(found, name)
    match name:
        case "mean" | "average":
            return float(values.mean()) if len(values) else math.nan
        case "min":
            return float(values.min()) if len(values) else math.nan
        case "max" | "largest":
            return float(values.max()) if len(values) else math.nan
        case "total":
            return values.sum() if len(values) else math.nan
        case "std":
            return float(values.std(ddof=1)) if len(values) > 1 else math.nan
        case "n_seeds":
            return len(values)
        case "seeds":
            return " ".join(map(str, values.index))
    return " ".join(map(str, values))


def printed(column: Column, values: pd.Series, found: Interval | None) -> str:
    """Print the numbers of the seeds, or a difference, as a column says."""
    if column.absent is not None and not len(values):
        return column.absent
    if column.zero is not None and len(values) and not values.any():
        return column.zero
    shown = values * column.times
    mean = float(shown.mean()) if len(shown) else math.nan
    match column.show:
        case "spread":
            return layout.spread(shown, column.digits)
        case "mean":
            return layout.number(mean, column.digits)
        case "max" | "total":
            of_all = shown.max() if column.show == "max" else shown.sum()
            return layout.number(float(of_all) if len(shown) else math.nan, column.digits)
        case "exact":
            return "0" if mean == 0 else layout.number(mean, column.digits)
        case "significant":
            return layout.significant(mean, column.digits)
        case "whole":
            return layout.whole(mean)
        case "range":
            return layout.between(shown)
        case "counts":
            return " or ".join(f"{count:,.0f}" for count in sorted(set(shown))) or layout.NONE
    if column.show == "interval":
        return layout.interval(found, column.digits)
    text = layout.number(found.mean, column.digits) if found.n else layout.NOT_RUN
    if column.show == "difference":
        return text
    text = layout.number(found.mean, column.digits)
    return f"+{text}" if found.mean > 0 and text.strip("0.") else text


def difference(
    values: tuple[pd.Series, pd.Series], at: tuple[Where, Where], metric: str, bits: Bits
) -> Interval:
    """Compare two arms on the seeds that both have: first minus second, with a 95 % interval.

    The interval is the wider one of Student's over seeds and, where all these runs tell which test images
    they got right, of a bootstrap over seeds and images; one without width is none.
    """
    paired = (values[0] - values[1]).dropna()
    found = stats.student(paired)
    rows = [
        [bits.get((one["experiment"], one["arm"], seed, one.get("stage"))) for seed in paired.index]
        for one in at
    ]
    if (
        metric == "test_accuracy_percent"
        and len(paired)
        and not any(r is None for one in rows for r in one)
    ):
        right = 100 * (np.array(rows[0], np.int8) - np.array(rows[1], np.int8))
        found = stats.wider(found, stats.crossed(right))
    return found._replace(low=math.nan, high=math.nan) if found.low == found.high else found
