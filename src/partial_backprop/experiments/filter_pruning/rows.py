"""Rows of networks with pruned filters, whole and without what is zero."""

from collections.abc import Iterator

from partial_backprop.inputs import Run
from partial_backprop.measurements import filters
from partial_backprop.report.rows import Row, emit, score

METRICS = (
    "n_zeros", "n_signed", "zeros_percent", "signed_percent", "n_empty_filters", "zero_threshold",
    "largest_difference", "largest_output", "whole_n_parameters", "small_n_parameters",
    "n_parameters_left_percent", "whole_n_multiply_adds", "small_n_multiply_adds",
    "n_multiply_adds_left_percent", "whole_n_bytes", "small_n_bytes", "n_bytes_left_percent",
    "whole_time_s", "small_time_s", "time_left_percent", "small_accuracy_percent",
    "small_n_correct", "small_n_examples", "augmented_train_accuracy_percent",
    "augmented_train_n_correct", "augmented_train_n_examples", "best_train_accuracy_percent",
    "best_train_n_correct", "best_train_n_examples", "final_test_accuracy_percent",
    "final_test_n_correct", "final_test_n_examples",
)  # fmt: skip
"""Quantities that it adds to the results frame."""


def rows(run: Run) -> Iterator[Row]:
    """Networks with pruned filters, whole and without what is zero."""
    if filters.KEY not in run.record.measurements:
        return
    report = filters.of(run.record)
    n_weights = report.total("n_weights")
    zeros, signed = report.total("n_zeros"), report.total("n_signed")
    counts = {
        "n_weights": n_weights, "n_zeros": zeros, "n_signed": signed,
        "zeros_percent": 100 * zeros / n_weights, "signed_percent": 100 * signed / n_weights,
        "n_empty_filters": sum(
            empty == tensor.n_weights // len(tensor.zeros_by_filter)
            for tensor in report.tensors
            for empty in tensor.zeros_by_filter or ()
        ),
        "zero_threshold": report.threshold,
        "largest_difference": report.largest_difference,
        "largest_output": report.largest_output,
    }  # fmt: skip
    for cost in ("n_parameters", "n_multiply_adds", "n_bytes"):
        whole, small = getattr(report.whole, cost), getattr(report.small, cost)
        counts |= {f"whole_{cost}": whole, f"small_{cost}": small}
        counts[f"{cost}_left_percent"] = 100 * small / whole
    times = filters.timing(run.path)
    if times is not None and not times.empty:
        counts["whole_time_s"] = times["whole_s"].median()
        counts["small_time_s"] = times["small_s"].median()
        counts["time_left_percent"] = 100 * (times["small_s"] / times["whole_s"]).median()
    yield from emit(run, counts, n_weights)
    n_test, augmented = report.test.count.n_examples, report.augmented_train.count
    yield from emit(run, score("small", report.small_test), n_test)
    yield from emit(run, score("augmented_train", augmented), n_test)
    best = score("best_train", report.best_train)
    yield from emit(run, best, augmented.n_examples)
    yield from emit(run, score("final_test", report.test.count), n_test)
    for tensor in report.tensors:
        n = tensor.n_weights
        share = {"n_weights": n, "zeros_percent": 100 * tensor.n_zeros / n}
        share["signed_percent"] = 100 * tensor.n_signed / n
        yield from emit(run, share, n, layer=tensor.name)
