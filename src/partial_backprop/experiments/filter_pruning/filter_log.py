"""The log of a run that prunes filters, in the form of the source's (pruning_logs)."""

from collections.abc import Mapping
from typing import Any

from partial_backprop.measurements.filters import FiltersReport, TensorZeros
from partial_backprop.record import Count

PENALTIES = {
    "none": "without applying Filter pruning",
    "filters": "with Filter pruning and group lasso regularization",
    "channels": "with Channel pruning and group lasso regularization",
    "squares": "with Filter pruning and sum of squares regularization",
}
"""Option ``penalty`` of the recipe -> how the log's title goes on."""


def log_text(report: FiltersReport, recipe: Mapping[str, Any]) -> str:
    """Print a report as the source's script does."""
    # *Departures.* The source prints zeros twice, probably before and after some step, and an
    # accuracy of one batch at the end; here both are those of the trained network, on all images. The
    # time of the test is left out, since it is not the same twice.
    # pruning_logs, "Result of training model without applying Filter pruning" and "… with Filter pruning
    # and group lasso regularization".
    signed = recipe["signed"]
    n_weights, n_sparse = report.total("n_weights"), report.total(_field(signed))
    test = report.augmented_train if recipe["test_on_train"] else report.test
    accuracy = _percent(test.count)
    lines = [
        f"Result of training model {PENALTIES[recipe['penalty']]}:",
        f"Total sparse weights: {100 * n_sparse / n_weights:.3f} ({n_sparse}/{n_weights})",
        "",
        "Sparse weight by layer",
        *(_by_layer(tensor, signed) for tensor in report.tensors),
        "",
        "Sparse weight by filter",
        *(_by_filter(tensor, signed) for tensor in report.tensors),
        f"Test: Loss: {test.loss:.3f}, Acc: {accuracy:.3f} "
        f"({test.count.n_correct}/{test.count.n_examples})",
    ]
    if recipe["penalty"] == "none":
        lines += [
            f"Best Training Accuracy: {_percent(report.best_train):.3f}%",
            f"Best Test Accuracy: {_percent(report.best_test):.3f}%",
        ]
    else:
        lines.append(f"Final test accuracy: {accuracy:.4f}")
    return "\n".join(lines) + "\n"


def _percent(count: Count) -> float:
    return 100 * count.n_correct / count.n_examples


def _field(signed: bool) -> str:
    return "n_signed" if signed else "n_zeros"


def _by_layer(tensor: TensorZeros, signed: bool) -> str:
    n_sparse = getattr(tensor, _field(signed))
    share = n_sparse / tensor.n_weights
    return f"Layer: {tensor.name}, {share} ({n_sparse}/{tensor.n_weights})"


def _by_filter(tensor: TensorZeros, signed: bool) -> str:
    counts = tensor.signed_by_filter if signed else tensor.zeros_by_filter
    return f"Layer: {tensor.name}, {None if counts is None else list(counts)}"
