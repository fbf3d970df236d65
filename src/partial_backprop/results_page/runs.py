"""Runs as the page shows them: a row, a curve by epoch, and the record without its long lists."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from partial_backprop import labels
from partial_backprop.inputs import Run

BASELINE = "fb"
"""Arm with which the others of the same experiment and seed are paired."""

N_POINTS = 120
"""Most points of a curve; of a longer training every second or third epoch is drawn."""

LONG = 24
"""A list of more values is shown by its length; the record has them."""


def tabulate(runs: Sequence[Run], folder: Path, scale: str) -> list[dict[str, Any]]:
    """Describe runs in the order of the paper, with paths relative to the page's folder."""
    by_key = {run.key: run for run in runs}
    return [
        _row(run, by_key.get((run.key[0], BASELINE, run.key[2])), folder, scale)
        for run in sorted(runs, key=_place)
    ]


def _place(run: Run) -> tuple[Any, ...]:
    experiment, arm, seed = run.key
    order = [*labels.experiments()], [*labels.arms()]
    places = [
        names.index(name) if name in names else len(names)
        for names, name in zip(order, (experiment, arm), strict=True)
    ]
    return *places, experiment, arm, seed


def _row(run: Run, baseline: Run | None, folder: Path, scale: str) -> dict[str, Any]:
    record, history = run.record, run.path.with_name("history.csv")
    accuracies = _accuracies(run)
    paired = _accuracies(baseline) if baseline and baseline is not run else {}
    minus = {
        rule: round(accuracies[rule] - paired[rule], 6) for rule in accuracies if rule in paired
    }
    where = "/".join((record.experiment, record.arm, f"seed{record.seed}"))
    made = f"results/{record.scale}/runs/{where}/record.json"
    path = made if record.scale != scale else run.path.as_posix()
    return {
        "key": where,
        "experiment": record.experiment,
        "arm": record.arm,
        "seed": record.seed,
        "scale": record.scale,
        "current": run.current,
        "data": labels.data(record.data.name) if record.data else None,
        "epochs": run.epochs or None,
        "accuracy": accuracies,
        "minus": minus,
        "chosen": {one.rule: one.epoch for one in record.selections},
        "frozen": _frozen(run),
        "minutes": record.provenance.wall_s / 60,
        "device": record.provenance.device,
        "sha256": record.config_sha256,
        "command": f"snakemake --cores 1 {path} --config scale={record.scale}",
        "record": _relative(run.path, folder),
        "history": _relative(history, folder) if history.exists() else None,
        "curves": curves(history) if history.exists() else {},
        "config": shortened(record.config.model_dump(mode="json", exclude_unset=True)),
        "content": shortened(
            record.model_dump(mode="json", exclude={"config", "selections", "schema_version"})
            | {"selections": _counts(run)}
        ),
    }


def _accuracies(run: Run) -> dict[str, float]:
    return {
        one.rule: 100 * one.test.n_correct / one.test.n_examples for one in run.record.selections
    }


def _frozen(run: Run) -> float | None:
    found = run.record.freezing
    n_weights = found.total("n_weights") if found else 0
    return 100 * found.total("n_mask_zeros") / n_weights if n_weights else None


def _counts(run: Run) -> list[dict[str, Any]]:
    """Selections without the bits that tell which images are right."""
    return [one.model_dump(mode="json", exclude={"test_correct"}) for one in run.record.selections]


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def curves(history: Path) -> dict[str, list[float | None]]:
    """Read losses and accuracies by epoch out of a ``history.csv``, in percent, to four digits."""
    frame = pd.read_csv(history)
    frame = frame.iloc[:: -(-len(frame) // N_POINTS) or 1]
    found = {}
    for split in ("validation", "test", "train"):
        counts = [f"{split}_n_correct", f"{split}_n_examples"]
        if set(counts) <= set(frame):
            found[f"{split}_accuracy"] = 100 * frame[counts[0]] / frame[counts[1]]
        if f"{split}_loss" in frame:
            found[f"{split}_loss"] = frame[f"{split}_loss"]
    epochs = {"epoch": frame["epoch"].tolist()} if found else {}
    return epochs | {
        name: [_short(value) for value in values]
        for name, values in found.items()
        if values.notna().any()
    }


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if pd.notna(value) and abs(value) < float("inf") else None


def shortened(value: Any) -> Any:
    """Replace long lists and long texts by what they are; floats keep eight digits."""
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return {"length": len(value)} if len(value) > LONG else [shortened(one) for one in value]
    if isinstance(value, str) and len(value) > 200:
        return {"characters": len(value)}
    return float(f"{value:.8g}") if isinstance(value, float) else value
