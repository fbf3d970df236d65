"""One row an epoch, and which epoch is reported."""

import csv
import io
from collections.abc import Sequence

from partial_backprop.record import Count, Selection

Row = dict[str, float]
"""``epoch``, ``learning_rate``, and for each split its ``loss``, ``n_correct``, ``n_examples``."""

_SCORES = ("loss", "n_correct", "n_examples")
COLUMNS = (
    "epoch",
    "learning_rate",
    *(f"{split}_{score}" for split in ("train", "validation", "test") for score in _SCORES),
)
"""Keys of a classifier's row, in the order of the file."""


def to_csv(rows: Sequence[Row]) -> bytes:
    """Format a history.

    Parameters
    ----------
    rows : sequence of Row
        One row an epoch; none where nothing was trained.

    Returns
    -------
    bytes
        CSV with a header, the keys of the first row; floats in full precision.
    """
    text = io.StringIO()
    writer = csv.DictWriter(
        text, fieldnames=tuple(rows[0]) if rows else COLUMNS, lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def selections(rows: Sequence[Row]) -> tuple[Selection, ...]:
    """Choose the reported epoch by each of the three rules.

    Parameters
    ----------
    rows : sequence of Row
        The history, the shared epochs included.

    Returns
    -------
    tuple of Selection
        ``last``; ``best_on_validation``; and ``paper_protocol``, the epoch that is best on the
        test set, as in the source's listing. Among equals the earliest counts.
    """
    chosen = {
        "last": rows[-1],
        "best_on_validation": max(rows, key=lambda row: row["validation_n_correct"]),
        "paper_protocol": max(rows, key=lambda row: row["test_n_correct"]),
    }
    return tuple(
        Selection(
            rule=rule,
            epoch=int(row["epoch"]),
            **{
                split: Count(
                    n_correct=int(row[f"{split}_n_correct"]),
                    n_examples=int(row[f"{split}_n_examples"]),
                )
                for split in ("validation", "test")
            },
        )
        for rule, row in chosen.items()
    )
