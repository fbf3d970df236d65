"""From records to rows of the results frame: what is asked of every run."""

from collections.abc import Iterator

from partial_backprop.inputs import Run
from partial_backprop.report import rows_compressed, rows_measured, rows_trained
from partial_backprop.report.rows import Row

PARTS = (
    rows_trained.classified, rows_trained.losses, rows_trained.settings, rows_compressed.compressed,
    rows_compressed.filtered, rows_trained.captioned, rows_measured.paths, rows_trained.tickets,
    rows_trained.top_five, rows_measured.descents, rows_measured.zeroed, rows_compressed.files,
    rows_measured.costs, rows_trained.masks, rows_compressed.few_bits,
)  # fmt: skip
"""Each yields the rows of the runs that it knows; a new kind of record adds one."""


def rows(run: Run) -> Iterator[Row]:
    """Yield all numbers of a run, each as a row of the results frame."""
    for part in PARTS:
        yield from part(run)
