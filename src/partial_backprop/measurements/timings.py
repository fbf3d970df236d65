"""Measured times, in a file beside the record: two runs of one configuration differ in them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from partial_backprop.errors import UserError

NAME = "timing.csv"
"""Name of the file."""


def read(
    record_path: Path, columns: Sequence[str], words: Sequence[str] = ()
) -> pd.DataFrame | None:
    """Read the times that were measured beside a record.

    Parameters
    ----------
    record_path : pathlib.Path
        The ``record.json``.
    columns : sequence of str
        Columns that the file must have.
    words : sequence of str
        Those of them that hold no numbers.

    Returns
    -------
    pandas.DataFrame or None
        The columns, a line a measurement; None where there is no such file.

    Raises
    ------
    UserError
        If the file is damaged.
    """
    path = record_path.with_name(NAME)
    if not path.exists():
        return None
    try:
        found = pd.read_csv(path)[list(columns)]
        return found.astype({name: float for name in columns if name not in words})
    except (ValueError, KeyError) as error:
        raise UserError(
            f"{path} is damaged ({' '.join(str(error).split())}): delete it and its record, and "
            "run it again"
        ) from None
