"""What the table of the true/false questions shows and no selection says."""

from typing import Any

from partial_backprop.experiments.linear_models import tables as linear
from partial_backprop.experiments.pruning_quantization import tables as labs
from partial_backprop.report import layout
from partial_backprop.report.tables import Context


def answer(context: Context, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Show the source's answer to a statement."""
    entry = context.inputs.reported.entry("003", f"statement.{row['name']}")
    return ("true" if entry.answer else "false"), {"line": entry.line, "answer": entry.answer}


def along(
    context: Context,
    _: dict[str, Any],
    metric: str,
    arm: str,
    least: str | None = None,
    most: str | None = None,
    show: str = "all",
) -> tuple[str, dict[str, Any]]:
    """Show a quantity of a descent along its strengths, or the least or most of it."""
    frame = context.results.frame
    own = frame[frame["experiment"].eq("lab1") & frame["arm"].eq(arm)]
    if metric == "strength":
        values = own["strength"].dropna().drop_duplicates()
    else:
        values = own.loc[own["metric"].eq(metric), "value"]
    ends = {least: values.min(), most: values.max()}
    fields = {name: float(value) for name, value in ends.items() if name is not None}
    if not len(values):
        return layout.NONE, fields
    if show == "all":
        return " / ".join(f"{value:g}" for value in values), fields
    return layout.significant(values.min() if show == "least" else values.max()), fields


def words(context: Context) -> dict[str, str | None]:
    """Return what the texts name besides measured numbers."""
    return linear.words(context) | {"start": labs.start(context)}
