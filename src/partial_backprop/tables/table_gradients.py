"""Gradients zeroed in each layer, the source's sums beside the right ones, and accuracies (seed 000)."""

from typing import Any

import numpy as np
import pandas as pd

from partial_backprop import labels
from partial_backprop.facts import Facts, of_runs, sentences
from partial_backprop.frames.aggregate import by_seed, runs_frame
from partial_backprop.frames.gradient_arithmetic import SEED, Line, arithmetic, lines
from partial_backprop.inputs import Inputs
from partial_backprop.intervals import paired_difference, summary
from partial_backprop.measurements import gradient_counts
from partial_backprop.measurements.gradient_counts import EXPERIMENT, GradientCounts
from partial_backprop.tables import layout
from partial_backprop.tables.layout import Cell, Row, Table

COLUMNS = "llrrrrrr"
HEADER = (
    Row(("", "", "", "", Cell("Smallest zeroed, a step", 2), Cell("Zeroed of eligible (%)", 2))),
    Row(("Layer", "Indices", "Gradients", "Eligible", "zeroed", "kept", "smallest", "random")),
)
_RULES = ("last", "best_on_validation", "paper_protocol")
_TOTAL = "total"


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``sparsification``, and the printed numbers.

    Returns
    -------
    Table
        One group of lines on layers, one on the source's sums, one on accuracies.

    References
    ----------
    Seed 000.
    """
    found = gradient_counts.by_arm(run.record for run in inputs.runs)
    facts = of_runs(EXPERIMENT, labels.PRUNINGS[EXPERIMENT], inputs.runs)
    frame = runs_frame(inputs.runs)
    groups = (_layers(found, facts), _sums(inputs), _arms(frame, found))
    rows = [values for group, _ in groups for values in group]
    body = tuple(row for _, group in groups for row in group)
    return Table(pd.DataFrame(rows), COLUMNS, HEADER, body, _notes(inputs, facts, found))


Group = tuple[list[dict[str, Any]], list[Row]]


def _layers(found: dict[str, list[GradientCounts]], facts: Facts | None) -> Group:
    name = labels.PRUNINGS[EXPERIMENT] if facts is None else facts.name()
    head = f"{name}: {layout.NOT_RUN}" if facts is None else f"{name}, counted while it was trained"
    rows: list[dict[str, Any]] = []
    body = [Row((Cell(head, len(COLUMNS), "l"),), italic=True)]
    tables = {arm: gradient_counts.layers(counts) for arm, counts in found.items()}
    if not tables:
        return rows, body
    shown = tables.get("threshold", next(iter(tables.values())))
    for position, layer in enumerate(shown):
        row = {"part": "layer", "name": layer.name}
        for key in ("first_index", "last_index", "n_entries", "n_eligible"):
            row[key] = float(getattr(layer, key))
        for arm in ("threshold", "random"):
            n_zeroed = tables[arm][position].n_zeroed if arm in tables else np.nan
            row |= _zeroed(arm, n_zeroed, row)
        rows.append(row)
    whole = {"part": "layer", "name": _TOTAL}
    keys = ("n_entries", "n_eligible", "threshold_n_zeroed", "random_n_zeroed")
    whole |= {key: float(sum(row[key] for row in rows)) for key in keys}
    for arm in ("threshold", "random"):
        whole |= _zeroed(arm, whole[f"{arm}_n_zeroed"], whole)
    rows.append(whole)
    return rows, body + [Row(_layer_cells(row), rule_above=row is whole) for row in rows]


def _zeroed(arm: str, n_zeroed: float, layer: dict[str, Any]) -> dict[str, float]:
    eligible = layer["n_eligible"] or np.nan
    return {
        f"{arm}_n_zeroed": float(n_zeroed),
        f"{arm}_n_kept": float(layer["n_entries"] - n_zeroed),
        f"{arm}_zeroed_percent": float(100 * n_zeroed / eligible),
    }


def _layer_cells(row: dict[str, Any]) -> tuple[str, ...]:
    indices = f"{row['first_index']:.0f}–{row['last_index']:.0f}" if "first_index" in row else ""
    return (
        row["name"],
        indices,
        _count(row["n_entries"]),
        _count(row["n_eligible"]) if row["n_eligible"] else layout.NONE,
        _count(row["threshold_n_zeroed"]) if row["n_eligible"] else layout.NONE,
        _count(row["threshold_n_kept"]),
        layout.number(row["threshold_zeroed_percent"]),
        layout.number(row["random_zeroed_percent"]),
    )


def _count(value: float) -> str:
    return layout.NONE if np.isnan(value) else f"{value:,.0f}"


def _sums(inputs: Inputs) -> Group:
    rows, body = [], []
    head = ("The source's sums, at its network's size", "Printed", "Corrected")
    body.append(_three(*head, italic=True, rule_above=True))
    for line in lines(arithmetic(inputs.reported)):
        printed = np.nan if line.printed is None else float(line.printed)
        rows.append(
            {
                "part": "sum",
                "name": line.quantity,
                "is_percent": line.is_percent,
                "printed": printed,
                "corrected": float(line.corrected),
            }
        )
        body.append(
            _three(line.quantity, _value(line, printed, 1), _value(line, line.corrected, 2))
        )
    return rows, body


def _value(line: Line, value: float, decimals: int) -> str:
    if not line.is_percent:
        return _count(value)
    return layout.NONE if np.isnan(value) else f"{layout.number(value, decimals)} %"


def _three(quantity: str, printed: str, corrected: str, **how: bool) -> Row:
    return Row((Cell(quantity, 4, "l"), Cell(printed, 2, "r"), Cell(corrected, 2, "r")), **how)


def _arms(frame: pd.DataFrame, found: dict[str, list[GradientCounts]]) -> Group:
    rows, body = [], []
    head = ("last epoch", "best on val.", "best on test", Cell("Difference (points)", 2), "Squares")
    body.append(Row((Cell("Test accuracy (%)", 2, "l"), *head), italic=True, rule_above=True))
    full = by_seed(frame, EXPERIMENT, "full", "test_accuracy_percent")
    for arm, name in labels.SPARSIFICATION.items():
        values: dict[str, Any] = {"part": "arm", "name": arm}
        cells = []
        for rule in _RULES:
            accuracy = by_seed(frame, EXPERIMENT, arm, "test_accuracy_percent", rule)
            mean, std, n = summary(accuracy)
            values |= {f"{rule}_accuracy_percent_mean": mean, f"{rule}_accuracy_percent_std": std}
            values |= {"n_seeds": float(n), "seeds": " ".join(map(str, accuracy.index))}
            for column in ("test_n_correct", "test_n_examples"):
                counts = by_seed(frame, EXPERIMENT, arm, column, rule)
                values[f"{rule}_{column}"] = " ".join(str(int(count)) for count in counts)
            cells.append(layout.spread(summary(accuracy)))
        last = by_seed(frame, EXPERIMENT, arm, "test_accuracy_percent")
        difference = paired_difference(full, last)
        names = ("mean", "low", "high")
        values |= {f"difference_points_{key}": getattr(difference, key) for key in names}
        values["squares_zeroed_percent"] = squares = _squares(found.get(arm, []))
        told = layout.NONE if arm == "full" else layout.interval(difference)
        body.append(Row((Cell(name, 2, "l"), *cells, Cell(told, 2, "r"), layout.number(squares))))
        rows.append(values)
    return rows, body


def _squares(counts: list[GradientCounts]) -> float:
    """Share of the squared eligible gradients that was zeroed, in percent, mean over seeds."""
    if not counts:
        return np.nan
    return float(
        np.mean([100 * one.total("squares_zeroed") / one.total("squares") for one in counts])
    )


def _notes(
    inputs: Inputs, facts: Facts | None, found: dict[str, list[GradientCounts]]
) -> tuple[str, ...]:
    told = (
        " ".join(sentences([facts]))
        or f"{labels.PRUNINGS[EXPERIMENT]} was {layout.NOT_RUN} at this scale."
    )
    absent = [name for arm, name in labels.SPARSIFICATION.items() if arm not in found]
    missing = f" Not run: {'; '.join(absent)}." if absent and facts is not None else ""
    return (
        f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {told}{missing}",
        "Indices: places in Keras' flat list of weights; as in the source, the four weights of a batch "
        "normalisation count as gradients, though two of them, its running statistics, have none. "
        "Eligible: kernels but the first. Zeroed: entries in [−th, th] in each step, mean over steps "
        "and seeds, th being the magnitude that makes them the share asked for; random: as many.",
        "Corrected: computed from the rows of the source's own summary; a kernel is a layer's "
        f"parameters less its biases ({inputs.reported.documents[SEED].source}).",
        "Accuracies: mean ± sample standard deviation over seeds; the difference to all gradients at "
        "the last epoch, seed by seed, in brackets its 95 % interval. Squares: share of the sum of "
        "squared eligible gradients that lies in the zeroed ones (%).",
    )
