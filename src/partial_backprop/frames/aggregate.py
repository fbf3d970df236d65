"""From records on disk to tidy frames: what tables, figures and the paper read.

Counts become percentages here and nowhere earlier. Nothing in this module knows a table.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from partial_backprop.inputs import Run
from partial_backprop.record import Record


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else np.nan


def _freezing_columns(found: Record) -> dict[str, float | str | None]:
    """Counts of a run's freezing; NaN where the record has none."""
    learning_rate = (
        found.config.training.optimizer.learning_rate if found.config.training else np.nan
    )
    columns: dict[str, float | str | None] = {
        "mode": found.config.freezing.mode if found.config.freezing else None,
        "learning_rate": learning_rate,
        "threshold_raw": np.nan,
        "threshold_paper": np.nan,
        "n_weights": np.nan,
    }
    names = "mask_zeros", "natural_zeros", "unmoved"
    report = found.freezing
    if report is None:
        columns |= {f"n_{name}": np.nan for name in names}
        columns |= {f"{name}_percent": np.nan for name in names}
        return columns | {
            "drift_sum_abs": np.nan,
            "drift_mean_abs": np.nan,
            "drift_max_abs": np.nan,
        }
    n_weights = report.total("n_weights")
    columns["n_weights"] = n_weights
    for name in names:
        columns[f"n_{name}"] = report.total(f"n_{name}")
        columns[f"{name}_percent"] = _percent(columns[f"n_{name}"], n_weights)
    if report.threshold is not None:
        columns["threshold_raw"] = report.threshold
        rate = found.config.training.learning_rate(report.masked_at_epochs[-1])
        columns["threshold_paper"] = report.threshold / rate
    drift = sum(layer.drift_sum_abs for layer in report.layers)
    n_frozen = columns["n_mask_zeros"]
    columns["drift_sum_abs"] = drift
    columns["drift_mean_abs"] = drift / n_frozen if n_frozen else np.nan
    columns["drift_max_abs"] = max((layer.drift_max_abs for layer in report.layers), default=np.nan)
    return columns


def runs_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Tabulate runs, one row a run and selection rule."""
    rows = []
    for run in runs:
        found = run.record
        row = {
            "experiment": found.experiment,
            "arm": found.arm,
            "seed": found.seed,
            "scale": found.scale,
            "current": run.current,
            "epochs": found.config.training.epochs if found.config.training else np.nan,
            **_freezing_columns(found),
        }
        if found.network is not None:
            row["network"] = found.network.name
            row |= found.network.model_dump(include={"n_parameters", "full_size"})
        if found.data is not None:
            row["data"] = found.data.name
            row |= found.data.model_dump(include={"n_train", "n_validation", "n_test", "n_classes"})
        for selection in found.selections:
            chosen = {"rule": selection.rule, "epoch": selection.epoch}
            for split in ("validation", "test"):
                count = getattr(selection, split)
                if count is None:
                    continue
                chosen[f"{split}_n_correct"] = count.n_correct
                chosen[f"{split}_n_examples"] = count.n_examples
                chosen[f"{split}_accuracy_percent"] = _percent(count.n_correct, count.n_examples)
            rows.append(row | chosen)
    return pd.DataFrame(rows)


def layers_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Tabulate freezing counts, one row a run and parameter tensor."""
    rows = []
    for run in runs:
        identity = dict(zip(("experiment", "arm", "seed"), run.key, strict=True))
        for layer in run.record.freezing.layers if run.record.freezing else ():
            shares = {
                f"{name}_percent": _percent(getattr(layer, f"n_{name}"), layer.n_weights)
                for name in ("mask_zeros", "natural_zeros", "unmoved")
            }
            rows.append(identity | layer.model_dump() | shares)
    return pd.DataFrame(rows)


def histories_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Stack the histories of runs."""
    frames = []
    for run in runs:
        if not (run.epochs and run.record.selections):
            continue
        frame = run.history()
        for split in ("train", "validation", "test"):
            share = frame[f"{split}_n_correct"] / frame[f"{split}_n_examples"]
            frame = frame.assign(**{f"{split}_accuracy_percent": 100 * share})
        identity = dict(zip(("experiment", "arm", "seed"), run.key, strict=True))
        frames.append(frame.assign(**identity))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def by_seed(
    frame: pd.DataFrame, experiment: str, arm: str, column: str, rule: str = "last"
) -> pd.Series:
    """Pick one quantity of one arm."""
    if frame.empty or column not in frame:
        return pd.Series(dtype=float)
    chosen = frame[
        (frame["experiment"] == experiment) & (frame["arm"] == arm) & (frame["rule"] == rule)
    ]
    return chosen.set_index("seed")[column].dropna().sort_index()
