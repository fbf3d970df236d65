"""Rows and cells of the table of activations and gradients in few bits."""

import math
from typing import Any

import pandas as pd

from partial_backprop import facts, folders
from partial_backprop.report import layout
from partial_backprop.report.frame import select
from partial_backprop.report.tables import Context

ABOUT = folders.about("tinyscript")

KIB = 1024


def _arms(context: Context, experiment: str) -> list[str]:
    own = {run.record.arm for run in context.results.runs if run.record.experiment == experiment}
    return [arm for arm in ("float", *ABOUT.arms) if arm in own]


def arms(context: Context, experiment: str) -> list[dict[str, Any]]:
    """List the arms that ran."""
    return [
        {"name": ABOUT.arms.get(arm, "floating point"), "at": {"arm": arm}}
        for arm in _arms(context, experiment)
    ]


def bytes_a_step(context: Context, _: dict[str, Any], kind: str) -> tuple[str, dict[str, Any]]:
    """Show the bytes of a step; where nothing was quantized, what the others count before."""
    frame = context.results.frame
    own = frame[frame["experiment"].eq(context.where["experiment"])]
    metric = f"n_{kind}_bytes_a_step"
    packed = own[own["metric"].eq(metric) & own["arm"].eq(context.where["arm"])]
    found = packed if len(packed) else own[own["metric"].eq(f"{metric}_before")]
    mean = float(found["value"].mean()) if len(found) else math.nan
    return layout.number(mean / KIB, 1), {metric: mean}


def layers(context: Context, experiment: str) -> list[dict[str, Any]]:
    """List inputs and then gradients of the layers of the network in floating point."""
    frame = context.results.frame
    shown = next(iter(_arms(context, experiment)), None)
    own = frame[frame["experiment"].eq(experiment) & frame["arm"].eq(shown)]
    rows = []
    for kind, name in (("activation", "input"), ("gradient", "gradient")):
        for layer in own.loc[own["metric"].eq(f"{kind}_shape"), "layer"].drop_duplicates():
            csv = {"part": kind, "name": layer}
            at = {"arm": shown, "layer": layer}
            rows.append({"name": f"{layer}, {name}", "kind": kind, "at": at, "csv": csv})
    return rows


def of_kind(
    context: Context, row: dict[str, Any], quantity: str, digits: int
) -> tuple[str, dict[str, Any]]:
    """Show a quantity of the row's kind of values."""
    kind = row["kind"]
    metric = f"n_{kind}_values" if quantity == "n_values" else f"{kind}_{quantity}"
    values: pd.Series = select(context.results.frame, metric, **context.where)
    mean = float(values.mean()) if len(values) else math.nan
    return layout.number(mean, digits), {quantity: mean}


def words(context: Context) -> dict[str, str | None]:
    """Return the networks that ran."""
    found = {
        name: facts.of_runs(name, title, context.results.runs)
        for name, title in ABOUT.experiments.items()
    }
    return {name: one.name() if one else ABOUT.experiments[name] for name, one in found.items()}
