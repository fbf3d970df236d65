"""Rows of tossed coins."""

from collections.abc import Iterator

from partial_backprop.inputs import Run
from partial_backprop.report.rows import Row, emit, percent

METRICS = ("heads_percent",)
"""Quantities that it adds to the results frame."""


def rows(run: Run) -> Iterator[Row]:
    """Yield the share of heads."""
    found = run.record.measurements.get("coins")
    if found is not None:
        share = percent(found["n_heads"], found["n_tosses"])
        yield from emit(run, {"heads_percent": share}, found["n_tosses"])
