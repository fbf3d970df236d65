"""Descents of Lab 1: their rows, and what the notes tell of them."""

from typing import Any

import pandas as pd

from partial_backprop.experiments.linear_models import results as linear
from partial_backprop.experiments.linear_models.rows import NEAR_ZERO
from partial_backprop.report import layout
from partial_backprop.report.tables import Context


def descents(context: Context, method: str) -> list[dict[str, Any]]:
    """List the descents of a method that ran, by λ and then by order."""
    frame = context.results.frame
    own = frame[frame["metric"].eq("loss")]
    found = []
    for order, name in linear.ORDERS.items():
        arm = f"{method}_{order}"
        for strength in own.loc[own["arm"].eq(arm), "strength"].unique():
            known = None if pd.isna(strength) else strength
            shown = layout.NONE if known is None else f"{known:g}"
            at = {"arm": arm, "strength": known}
            found.append({"name": name, "lambda": shown, "at": at})
    return sorted(found, key=lambda row: row["at"]["strength"] or 0.0)


def support(context: Context, _: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """List the weights that are not exactly zero."""
    frame = context.results.frame
    own = frame[frame["arm"].eq(context.where["arm"])]
    strength = context.where["strength"]
    own = own[own["strength"].isna() if strength is None else own["strength"].eq(strength)]
    weights = own[own["metric"].str.fullmatch("w[0-9]+") & own["value"].ne(0)]
    return "", {"support": " ".join(weights["metric"].str.removeprefix("w"))}


def words(context: Context) -> dict[str, str | None]:
    """Return sizes of the problem and the tolerances of what is measured; nothing where nothing ran."""
    reports = linear.reports(run.record for run in context.inputs.runs)
    if not reports:
        return dict.fromkeys(
            (
                "samples",
                "weights",
                "rate",
                "steps",
                "sparsest",
                "relative",
                "absolute",
                "weight",
                "tail",
            )
        )
    first = next(iter(reports.values()))
    return {
        "samples": str(len(first.y)),
        "weights": str(len(first.sparsest)),
        "rate": f"{first.learning_rate:g}",
        "steps": str(first.n_steps),
        "sparsest": ", ".join(layout.number(weight, 0) for weight in first.sparsest),
        "relative": f"{100 * linear.RELATIVE_TOLERANCE:g}",
        "absolute": layout.significant(linear.ABSOLUTE_TOLERANCE, 1),
        "weight": f"{linear.WEIGHT_TOLERANCE:g}",
        "tail": str(linear.TAIL_STEPS),
        "near_zero": f"{NEAR_ZERO:g}",
    }
