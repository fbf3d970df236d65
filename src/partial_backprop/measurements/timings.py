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
    """Read the times that were measured beside a record."""
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
