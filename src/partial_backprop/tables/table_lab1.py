"""Lab 1: where each descent on the linear model ends, when it settles and how it moves then."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from partial_backprop.inputs import Inputs
from partial_backprop.measurements import linear
from partial_backprop.measurements.linear import Course, LinearReport
from partial_backprop.tables import layout
from partial_backprop.tables.layout import Cell, Row, Table

COLUMNS = "lrrrrrrrrrrrr"
HEADER = (
    Row(("", "", Cell("Last weights", 5), "", "Not", Cell("Settled", 2), Cell("Noise of L by", 2))),
    Row(
        ("Descent", "λ", *(f"W{i}" for i in "₁₂₃₄₅"), "Last L", "zero", "L", "W", "step", "update")
    ),
)


def _values(report: LinearReport, course: Course) -> dict[str, Any]:
    last = course.weights[-1]
    by_step = linear.by_step(report, course.losses)
    return {
        "strength": course.strength,
        "n_steps": report.n_steps,
        "n_updates": len(course.losses) - 1,
        "loss": course.losses[-1],
        **{f"w{position}": weight for position, weight in enumerate(last, start=1)},
        "support": " ".join(map(str, linear.support(last))),
        "n_nonzero": len(linear.support(last)),
        "distance_to_sparsest": linear.largest_difference(last, report.sparsest),
        "loss_settled_at_step": linear.loss_settled_after(by_step),
        "weights_settled_at_step": linear.weights_settled_after(
            linear.by_step(report, course.weights)
        ),
        "noise_by_step": linear.noise(by_step),
        "noise_by_update": linear.noise(course.losses, linear.TAIL_STEPS * report.updates_per_step),
    }


def _cells(name: str, values: dict[str, Any]) -> tuple[str, ...]:
    weights = [value for key, value in values.items() if key[0] == "w" and key[1:].isdigit()]
    settled = (values[f"{what}_settled_at_step"] for what in ("loss", "weights"))
    return (
        name,
        layout.NONE if values["strength"] is None else f"{values['strength']:g}",
        # A weight that is zero to the last bit prints as 0, one that is merely small as 0.000.
        *("0" if weight == 0 else layout.number(weight, 3) for weight in weights),
        layout.significant(values["loss"]),
        str(values["n_nonzero"]),
        *(layout.NONE if step is None else str(step) for step in settled),
        *(layout.significant(values[f"noise_by_{unit}"], 1) for unit in ("step", "update")),
    )


def _lines(
    part: linear.Part, reports: dict[str, LinearReport]
) -> Iterator[tuple[dict[str, Any], Row]]:
    """Raw values and print of a part's descents, by λ and then by order."""
    arms = {f"{part.method}_{order}": name for order, name in linear.ORDERS.items()}
    found = [
        (course.strength or 0.0, arm, _values(reports[arm], course))
        for arm in arms
        if arm in reports
        for course in reports[arm].courses
    ]
    for _, arm, values in sorted(found, key=lambda one: (one[0], list(arms).index(one[1]))):
        identity = {
            "experiment": linear.EXPERIMENT, "arm": arm, "part": part.letter, "status": "run",
        }  # fmt: skip
        yield identity | values, Row(_cells(arms[arm], values))


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs; those of other experiments are left out.

    Returns
    -------
    Table
        One group of lines a part of the lab, one line a strength of the penalty and an order.

    References
    ----------
    Seed 003, Lab 1 (b) to (f), which shows figures and prints no numbers.
    """
    reports = linear.reports(run.record for run in inputs.runs)
    rows, body = [], []
    for part in linear.PARTS:
        lines = list(_lines(part, reports))
        head = f"({part.letter}) {part.title}"
        if not lines:
            head = f"{head}: {layout.NOT_RUN}"
            rows.append({"part": part.letter, "status": layout.NOT_RUN})
        body.append(Row((Cell(head, len(COLUMNS), "l"),), italic=True, rule_above=bool(body)))
        rows += [values for values, _ in lines]
        body += [row for _, row in lines]
    notes = _notes(inputs, reports) if reports else (_scale(inputs),)
    return Table(pd.DataFrame(rows), COLUMNS, HEADER, tuple(body), notes)


def _scale(inputs: Inputs) -> str:
    return f"Scale {inputs.scale}: {inputs.title.rstrip('.')}."


def _notes(inputs: Inputs, reports: dict[str, LinearReport]) -> tuple[str, ...]:
    first = next(iter(reports.values()))
    sparsest = ", ".join(layout.number(weight, 0) for weight in first.sparsest)
    return (
        f"{_scale(inputs)} {len(first.y)} samples, {len(first.sparsest)} weights, μ = "
        f"{first.learning_rate:g}, {first.n_steps} steps from W = 0 in double precision. A step is "
        "one update from all samples (full batch) or one sweep of updates from each sample in turn. "
        "Nothing is drawn at random, so each descent ran once. The sparsest solution is "
        f"W* = ({sparsest}).",
        "Not zero: weights that differ from zero, to the last bit; such a zero is printed as 0. By "
        "sweep: per sample, projected after each sweep and not after each update. Ties first: of equal "
        "magnitudes those that stand first count as the larger ones; in all other lines the last do.",
        f"Settled: the first step from which on L stays within {100 * linear.RELATIVE_TOLERANCE:g} % "
        f"of its last value, or {layout.significant(linear.ABSOLUTE_TOLERANCE, 1)} where that is "
        f"more, and each weight within {linear.WEIGHT_TOLERANCE:g} of its last value; a dash where "
        f"that does not hold for the last {linear.TAIL_STEPS} steps. Noise: the largest change of L "
        "in these steps from one step, or update, to the next. L is the sum of squared errors, "
        "without the penalty.",
    )
