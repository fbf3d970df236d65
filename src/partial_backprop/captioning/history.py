"""BLEU's counts as columns of a history, and back."""

from partial_backprop.captioning.evaluate import TeacherForced
from partial_backprop.measurements.captions import ORDERS, BleuCounts
from partial_backprop.training.history import Row

_LENGTHS = ("hypothesis_length", "reference_length")


def columns(found: TeacherForced, counts: BleuCounts) -> Row:
    """Return what an epoch came to on the validation captions."""
    row = {"loss": found.loss, "n_correct": found.n_correct, "n_examples": found.n_examples}
    for n in ORDERS:
        row[f"matches_{n}"], row[f"totals_{n}"] = counts.matches[n - 1], counts.totals[n - 1]
    row |= {name: getattr(counts, name) for name in _LENGTHS}
    return {f"validation_{name}": value for name, value in row.items()}


def bleu_of(row: Row) -> BleuCounts:
    """Read the counts of an epoch."""
    return BleuCounts(
        matches=tuple(int(row[f"validation_matches_{n}"]) for n in ORDERS),
        totals=tuple(int(row[f"validation_totals_{n}"]) for n in ORDERS),
        **{name: int(row[f"validation_{name}"]) for name in _LENGTHS},
    )
