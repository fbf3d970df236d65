"""From records of networks with pruned filters to tidy frames (seed 002, filter pruning)."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from partial_backprop import folders
from partial_backprop.inputs import Run
from partial_backprop.measurements import filters
from partial_backprop.measurements.filters import FiltersReport

EXPERIMENT = "filter_pruning"
SEED = "002"
NETWORK = "FilterCNN"
"""Name in print of the network, to which the source gives none."""

ARMS = folders.about("filter_pruning").arms
"""Arms in the order in which they are printed."""

PRINTED_BLOCKS = (1, 2)
"""Numbers of the two blocks of zeros that the source prints."""


def reports(runs: Iterable[Run]) -> list[tuple[Run, FiltersReport]]:
    """Find the runs that pruned filters, with their reports."""
    return [(run, filters.of(run.record)) for run in runs if run.record.experiment == EXPERIMENT]


def frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Tabulate networks, one row a run."""
    return pd.DataFrame([_row(*found) for found in reports(runs)], columns=_COLUMNS)


_SCORES = ("test", "augmented_train", "small_test")
_COSTS = ("n_parameters", "n_multiply_adds", "n_bytes")
_COLUMNS = (
    "arm", "seed", "threshold", "strength", "n_weights", "n_zeros", "n_signed", "zeros_percent",
    "signed_percent",
    *(f"{name}_{what}" for name in _SCORES for what in ("n_correct", "n_examples", "percent")),
    "test_loss", "augmented_train_loss",
    *(f"{which}_{cost}" for cost in _COSTS for which in ("whole", "small")),
    *(f"{cost}_left_percent" for cost in _COSTS),
    "whole_time_s", "small_time_s", "time_left_percent", "largest_difference", "largest_output",
)  # fmt: skip


def _row(run: Run, report: FiltersReport) -> dict[str, Any]:
    row: dict[str, Any] = {"arm": run.record.arm, "seed": run.record.seed}
    row |= {name: getattr(report, name) for name in ("threshold", "largest_difference")}
    row["largest_output"] = report.largest_output
    row["strength"] = run.record.config.recipe.get("strength", np.nan)
    row |= {name: report.total(name) for name in ("n_weights", "n_zeros", "n_signed")}
    row["zeros_percent"] = 100 * row["n_zeros"] / row["n_weights"]
    row["signed_percent"] = 100 * row["n_signed"] / row["n_weights"]
    counts = (report.test.count, report.augmented_train.count, report.small_test)
    for name, count in zip(_SCORES, counts, strict=True):
        row[f"{name}_n_correct"], row[f"{name}_n_examples"] = count.n_correct, count.n_examples
        row[f"{name}_percent"] = 100 * count.n_correct / count.n_examples
    row["test_loss"], row["augmented_train_loss"] = report.test.loss, report.augmented_train.loss
    for cost in _COSTS:
        whole, small = getattr(report.whole, cost), getattr(report.small, cost)
        row |= {f"whole_{cost}": whole, f"small_{cost}": small}
        row[f"{cost}_left_percent"] = 100 * small / whole
    return row | _times(run)


def _times(run: Run) -> dict[str, float]:
    times = filters.timing(run.path)
    if times is None or times.empty:
        return dict.fromkeys(("whole_time_s", "small_time_s", "time_left_percent"), np.nan)
    return {
        "whole_time_s": float(times["whole_s"].median()),
        "small_time_s": float(times["small_s"].median()),
        "time_left_percent": 100 * float((times["small_s"] / times["whole_s"]).median()),
    }


def layers(runs: Sequence[Run]) -> pd.DataFrame:
    """Tabulate zeros by parameter tensor."""
    rows = [
        {"arm": run.record.arm, "seed": run.record.seed} | tensor.model_dump()
        for run, report in reports(runs)
        for tensor in report.tensors
    ]
    return pd.DataFrame(rows, columns=("arm", "seed", *filters.TensorZeros.model_fields))


def pick(found: pd.DataFrame, arm: str, column: str) -> pd.Series:
    """Pick one quantity of one arm."""
    chosen = found[found["arm"].eq(arm)].set_index("seed")[column]
    return chosen.dropna().astype(float).sort_index()


def share(found: pd.DataFrame, arm: str, tensor: str, count: str) -> pd.Series:
    """Compute what share of a tensor counts as zero."""
    chosen = found[found["arm"].eq(arm) & found["name"].eq(tensor)].set_index("seed")
    return 100 * chosen[count].astype(float) / chosen["n_weights"].astype(float)


def n_test(found: pd.DataFrame) -> float:
    """Return the size of the test set."""
    return float(found["test_n_examples"].iloc[0]) if len(found) else float("nan")
