"""From records to rows of the results frame: what is asked of every run."""

from collections.abc import Iterator

from partial_backprop import folders
from partial_backprop.inputs import Run
from partial_backprop.report import rows_trained
from partial_backprop.report.rows import Row


def rows(run: Run) -> Iterator[Row]:
    """Yield all numbers of a run, each as a row of the results frame.

    A module ``rows.py`` in a folder of experiments adds those that it knows of, by ``rows(run)``.
    """
    for part in (rows_trained.classified, rows_trained.losses, rows_trained.settings):
        yield from part(run)
    for module in folders.modules("rows.py"):
        yield from module.rows(run)
