"""Rows of gradients zeroed in a step: in all, and by layer of Keras' list."""

from collections.abc import Iterator

import numpy as np

from partial_backprop.experiments.gradient_counts import results as gradient_counts
from partial_backprop.inputs import Run
from partial_backprop.report.rows import TOTAL, Row, emit, percent

METRICS = (
    "zeroed_percent", "n_zeroed_elsewhere", "squares_zeroed_percent", "first_index", "last_index",
    "n_entries", "n_eligible", "n_zeroed", "n_kept", "zeroed_of_eligible_percent",
)  # fmt: skip
"""Quantities that it adds to the results frame."""


def rows(run: Run) -> Iterator[Row]:
    """Gradients zeroed in a step: in all, and by layer of Keras' list."""
    if gradient_counts.KEY not in run.record.measurements:
        return
    counts = gradient_counts.of(run.record)
    eligible = counts.total("n_entries", eligible=True)
    zeroed = counts.total("n_zeroed", eligible=True) / counts.n_steps
    values = {
        "zeroed_percent": 100 * zeroed / eligible,
        "n_zeroed_elsewhere": counts.total("n_zeroed", eligible=False),
        "squares_zeroed_percent": 100 * counts.total("squares_zeroed") / counts.total("squares"),
    }
    yield from emit(run, values, eligible)
    whole = np.zeros(3)
    for layer in gradient_counts.layers([counts]):
        found = np.array([layer.n_entries, layer.n_eligible, layer.n_zeroed])
        whole += found
        indices = {"first_index": layer.first_index, "last_index": layer.last_index}
        yield from emit(run, indices | _zeroed_of(*found), layer.n_entries, layer=layer.name)
    yield from emit(run, _zeroed_of(*whole), whole[0], layer=TOTAL)


def _zeroed_of(n_entries: float, n_eligible: float, n_zeroed: float) -> dict[str, float]:
    return {
        "n_entries": n_entries,
        "n_eligible": n_eligible,
        "n_zeroed": n_zeroed,
        "n_kept": n_entries - n_zeroed,
        "zeroed_of_eligible_percent": percent(n_zeroed, n_eligible),
    }
