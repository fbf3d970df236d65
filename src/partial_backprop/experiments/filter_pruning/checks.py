"""Sums over the numbers that the log of filter pruning prints."""

from partial_backprop.report.checks import Check, Pair
from partial_backprop.reported import Reported


def _test_images(name: str) -> Check:
    """Images of what the source calls its test; CIFAR-10's test set has 10,000."""
    return lambda reported: (reported.entry("002", name).values["n_examples"], 10_000.0)


def _final_accuracy(reported: Reported) -> Pair:
    counts = reported.entry("002", "filters.pruned").values
    printed = reported.entry("002", "filters.pruned.final").values["test_accuracy_percent"]
    return printed, 100 * counts["n_correct"] / counts["n_examples"]


def _filter_lists(reported: Reported) -> Pair:
    """Lists of zeros by filter that add up to the layer's total."""
    entries = reported.documents["002"].entries
    lists = [name for name in entries if ".by_filter." in name]
    right = [
        sum(entries[name].values.values())
        == entries[name.replace("by_filter.", "")].values["n_sparse"]
        for name in lists
    ]
    return float(len(lists)), float(sum(right))


CHECKS: dict[str, Check] = {
    "plain_test_images": _test_images("filters.plain"),
    "pruned_test_images": _test_images("filters.pruned"),
    "final_accuracy": _final_accuracy,
    "filter_lists": _filter_lists,
}
"""Name in ``claims.yaml`` -> the sum."""
