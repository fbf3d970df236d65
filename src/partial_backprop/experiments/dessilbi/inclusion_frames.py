"""From records of DessiLBI to tidy frames: paths epoch by epoch, layers, tickets (seed 004)."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from partial_backprop.experiments.dessilbi import results as inclusion
from partial_backprop.experiments.dessilbi.inclusion_arms import (
    BASE,
    TUNED,
    layer_titles,
    of,
    reports,
)
from partial_backprop.inputs import Run
from partial_backprop.record import Count

FRACTIONS = (1 / 8, 1 / 4, 1 / 2, 1.0)
"""Where tables 3 and 5 read a path, as shares of its length: epochs 20, 40, 80 and 160 of 160."""

WORTHS = ("full_validation", "full_test", "sparse_validation", "sparse_test")
"""What is counted after each epoch."""

_IDENTITY = (
    "experiment", "arm", "seed", "network", "data", "chance_percent", "kappa", "nu",
)  # fmt: skip

_EPOCH_COLUMNS = (
    *_IDENTITY, "after", "n_weights", "n_nonzero", "density_percent",
    *(f"{name}_{what}" for name in WORTHS for what in ("n_correct", "n_examples", "percent")),
)  # fmt: skip

_LAYER_COLUMNS = (
    *_IDENTITY, "title", *inclusion.Layer.model_fields, "n_nonzero", "n_entered",
    "density_percent", "n_ever", "norm_to_enter",
)  # fmt: skip

_TICKET_COLUMNS = (
    "experiment", "arm", "seed", "network", "data", "chance_percent", "mask", "after",
    "density_percent", "rule", "test_n_correct", "test_n_examples", "test_percent",
)  # fmt: skip


def epochs(runs: Iterable[Run]) -> pd.DataFrame:
    """Tabulate paths, one row a run and epoch."""
    rows = []
    for run, report in reports(runs):
        identity = _identity(run)
        for index, epoch in enumerate(report.epochs):
            row = identity | {
                "after": index + 1,
                "n_weights": report.n_weights(),
                "n_nonzero": sum(epoch.n_nonzero),
                "density_percent": 100 * report.density(index),
            }
            for name in WORTHS:
                row |= _score(name, getattr(epoch, name))
            rows.append(row)
    return pd.DataFrame(rows, columns=_EPOCH_COLUMNS)


def layers(runs: Iterable[Run]) -> pd.DataFrame:
    """Tabulate the last support of each path, one row a run and layer."""
    rows = []
    for run, report in reports(runs):
        last = report.epochs[-1]
        ever = map(max, zip(*(epoch.n_entered for epoch in report.epochs), strict=True))
        counts = zip(
            layer_titles(report), report.layers, last.n_nonzero, last.n_entered, ever, strict=True
        )
        for name, layer, n_nonzero, n_entered, n_ever in counts:
            row = _identity(run) | {"title": name} | layer.model_dump()
            row |= {"n_nonzero": n_nonzero, "n_entered": n_entered, "n_ever": n_ever}
            row["norm_to_enter"] = norm_to_enter(run)
            rows.append(row | {"density_percent": 100 * n_nonzero / layer.n_weights})
    return pd.DataFrame(rows, columns=_LAYER_COLUMNS)


def norm_to_enter(run: Run) -> float:
    """Compute how long a group of W must be to enter the support within a run."""
    training, options = run.record.config.training, run.record.config.recipe
    n_steps = -(-run.record.data.n_train // training.batch_size)
    rates = (
        training.optimizer.learning_rate
        * training.decay ** sum(epoch >= milestone for milestone in training.milestones)
        for epoch in range(training.epochs)
    )
    return options["lam"] * options["nu"] / (n_steps * sum(rates))


def _identity(run: Run) -> dict[str, Any]:
    options = run.record.config.recipe
    names = run.record.network.name, run.record.data.name, 100 / run.record.data.n_classes
    values = (*run.key, *names, options["kappa"], options["nu"])
    return dict(zip(_IDENTITY, values, strict=True))


def _score(name: str, count: Count) -> dict[str, Any]:
    return {
        f"{name}_n_correct": count.n_correct,
        f"{name}_n_examples": count.n_examples,
        f"{name}_percent": 100 * count.n_correct / count.n_examples,
    }


def chosen(found: pd.DataFrame, network: str, rule: str) -> pd.DataFrame:
    """Choose one epoch of each path by a rule."""
    by = {
        "last": "after",
        "best_on_validation": f"{network}_validation_n_correct",
        "paper_protocol": f"{network}_test_n_correct",
    }[rule]
    return found.loc[found.groupby("seed")[by].idxmax()]


def varied(runs: Iterable[Run], which: str) -> pd.DataFrame:
    """Tabulate the paths of tables 2 to 5 that differ in one hyperparameter only."""
    other = {"kappa": "nu", "nu": "kappa"}[which]
    frames = []
    for experiment in TUNED.values():
        found = epochs(of(runs, experiment))
        base = found.loc[found["arm"].eq(BASE), other].unique()
        chosen = found[found[other].isin(base)]
        frames.append(chosen.sort_values([which, "seed", "after"]))
    return pd.concat(frames, ignore_index=True)


def readings(n_epochs: int) -> list[int]:
    """List the epochs at which tables 3 and 5 read a path."""
    return [max(1, round(fraction * n_epochs)) for fraction in FRACTIONS]


def tickets(runs: Iterable[Run]) -> pd.DataFrame:
    """Tabulate networks that were trained under a mask, one row a run and selection rule."""
    rows = []
    for run in runs:
        if inclusion.TICKET not in run.record.measurements:
            continue
        report = inclusion.ticket_of(run.record)
        row = dict(zip(("experiment", "arm", "seed"), run.key, strict=True))
        row |= {"network": run.record.network.name, "data": run.record.data.name}
        row |= {
            "chance_percent": 100 / run.record.data.n_classes,
            "mask": report.mask,
            "after": report.n_epochs_of_path,
            "density_percent": 100 * report.density(),
        }
        for chosen in run.record.selections:
            rows.append(row | {"rule": chosen.rule} | _score("test", chosen.test))
    return pd.DataFrame(rows, columns=_TICKET_COLUMNS)
