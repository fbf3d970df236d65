"""One row an epoch, and which epoch is reported."""

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from partial_backprop.record import Count, Selection

Row = dict[str, float]
"""``epoch``, ``learning_rate``, and for each split that there is its `SCORES`."""

SCORES = ("loss", "n_correct", "n_examples")
"""What a row says of each split."""
COLUMNS = (
    "epoch",
    "learning_rate",
    *(f"{split}_{score}" for split in ("train", "validation", "test") for score in SCORES),
)
"""Keys of a classifier's row, in the order of the file."""


def to_csv(rows: Sequence[Row]) -> bytes:
    """Format a history."""
    text = io.StringIO()
    writer = csv.DictWriter(
        text, fieldnames=tuple(rows[0]) if rows else COLUMNS, lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def packed(correct: Tensor) -> Tensor:
    """Pack which examples are right into bits."""
    # Shapes: correct (N,), result (ceil(N / 8)
    return torch.from_numpy(np.packbits(correct.numpy()))


def selections(rows: Sequence[Row], test_correct: Sequence[Tensor] = ()) -> "tuple[Selection, ...]":
    """Choose the reported epoch by each of the three rules."""
    chosen = {"last": rows[-1]}
    if "validation_n_correct" in rows[-1]:
        chosen["best_on_validation"] = max(rows, key=lambda row: row["validation_n_correct"])
    chosen["best_on_test"] = max(rows, key=lambda row: row["test_n_correct"])
    return tuple(_selection(rule, row, test_correct) for rule, row in chosen.items())


def _selection(rule: str, row: Row, test_correct: Sequence[Tensor]) -> "Selection":
    from partial_backprop.correct_images import CorrectImages
    from partial_backprop.record import Selection

    epoch, test = int(row["epoch"]), _count(row, "test")
    which = None
    if test_correct:
        which = CorrectImages.of(test_correct[epoch].numpy().tobytes(), test.n_examples)
    return Selection(
        rule=rule, epoch=epoch, validation=_count(row, "validation"), test=test, test_correct=which
    )


def _count(row: Row, split: str) -> "Count | None":
    from partial_backprop.record import Count

    if f"{split}_n_correct" not in row:
        return None
    n_correct, n_examples = (int(row[f"{split}_{key}"]) for key in ("n_correct", "n_examples"))
    return Count(n_correct=n_correct, n_examples=n_examples)
