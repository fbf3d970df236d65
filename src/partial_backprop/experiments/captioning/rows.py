"""Rows of captions by decoding and references, and of what was frozen."""

from collections.abc import Iterator

import numpy as np

from partial_backprop.inputs import Run
from partial_backprop.measurements import captions
from partial_backprop.report.rows import Row, emit, frozen_counts, percent

METRICS = (
    "bleu_1", "bleu_2", "bleu_3", "bleu_4", "matches_1", "matches_2", "matches_3", "matches_4",
    "totals_1", "totals_2", "totals_3", "totals_4", "hypothesis_length", "reference_length",
    "embedding_percent", "masked_not_natural_percent",
)  # fmt: skip
"""Quantities that it adds to the results frame."""


def rows(run: Run) -> Iterator[Row]:
    """Scores of captions by decoding and references, and what was frozen."""
    if captions.KEY not in run.record.measurements:
        return
    n_captions = run.record.measurements[captions.KEY].get("n_train_captions")
    yield from emit(run, {"setting.n_train_captions": n_captions})
    report = captions.of(run.record)
    found = {
        (decoding, kind): (getattr(bleu, kind), bleu.n_captions)
        for decoding in ("teacher", "greedy", "beam", "teacher_marks")
        if (bleu := report.test.of(decoding)) is not None
        for kind in ("five", "one")
    }
    found["beam", "shuffled"] = report.shuffled, np.nan
    for (decoding, kind), (counts, n) in found.items():
        values: dict[str, float] = {f"bleu_{n}": counts.score(n) for n in captions.ORDERS}
        for what in ("matches", "totals"):
            numbers = getattr(counts, what)
            values |= {f"{what}_{n}": numbers[n - 1] for n in captions.ORDERS}
        values["hypothesis_length"] = counts.hypothesis_length
        values["reference_length"] = counts.reference_length
        yield from emit(run, values, n, decoding=decoding, references=kind)
    frozen = frozen_counts(run)
    freezing = run.record.freezing
    if freezing is None:
        return
    # A threshold freezes every zero gradient too; a random mask does not.
    if freezing.threshold is not None:
        masked = frozen["n_mask_zeros"] - frozen["n_natural_zeros"]
        frozen["masked_not_natural_percent"] = 100 * masked / frozen["n_weights"]
    embedding = sum(
        layer.n_natural_zeros for layer in freezing.layers if layer.name.startswith("embedding")
    )
    frozen["embedding_percent"] = percent(embedding, frozen["n_natural_zeros"])
    yield from emit(run, frozen, frozen["n_weights"])
