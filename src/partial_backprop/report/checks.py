"""Sums over the sources' own printed numbers: what they print, and what comes out."""

from collections.abc import Callable

from partial_backprop.frames.gradient_arithmetic import arithmetic
from partial_backprop.reported import Reported

Pair = tuple[float, float]
"""What is printed, and what follows from the source's other numbers."""


def _rows(reported: Reported) -> Pair:
    """Rows of the summary whose parameters follow from the channels: 3×3 kernels, or dense layers."""
    rows = {
        name.removeprefix("summary."): entry.values
        for name, entry in reported.documents["000"].entries.items()
        if name.startswith("summary.")
    }
    width, flat, n_right = 3, None, 0
    for name, row in rows.items():
        channels = int(row["channels"])
        n_indices = row["last_index"] - row["first_index"] + 1
        if name.startswith("batch_normalization"):
            n_right += row["parameters"] == 4 * channels and n_indices == 4
            continue
        if name.startswith("dense"):
            # 32×32 pixels, halved three times, are 4×4 when they are flattened.
            inputs, flat = (width * 16 if flat is None else flat), channels
        else:
            inputs, width = 9 * width, channels
        n_right += row["parameters"] == (inputs + 1) * channels and n_indices == 2
    return float(len(rows)), float(n_right)


def _total(reported: Reported) -> Pair:
    return reported.entry("000", "totals").values["all"], float(arithmetic(reported).n_all)


def _trainable(reported: Reported) -> Pair:
    found = arithmetic(reported)
    return reported.entry("000", "totals_trainable").values["all"], float(
        found.n_all - found.n_statistics
    )


def _statistics(reported: Reported) -> Pair:
    printed = reported.entry("000", "totals_non_trainable").values["all"]
    return printed, float(arithmetic(reported).n_statistics)


def _listed(reported: Reported) -> Pair:
    """Kernels whose index is in the first list; the notes name "two kinds of layers"."""
    found = arithmetic(reported)
    return float(len(found.kernels)), float(
        len({k.index for k in found.kernels} & set(found.listed))
    )


def _zeroed(reported: Reported) -> Pair:
    return arithmetic(reported).printed["n_zeroed"], float(arithmetic(reported).n_zeroed)


def _eligible(reported: Reported) -> Pair:
    return arithmetic(reported).printed["n_eligible"], float(arithmetic(reported).n_eligible)


def _share(reported: Reported) -> Pair:
    found = arithmetic(reported)
    return found.printed["zeroed_percent"], 100 * found.n_zeroed / found.n_eligible


def _kept(reported: Reported) -> Pair:
    found = arithmetic(reported)
    return found.printed["kept_percent"], 100 - 100 * found.n_zeroed / found.n_eligible


def _fb_column(reported: Reported) -> Pair:
    """Means of three runs that equal one run to the last digit; none would be expected."""
    entries = reported.documents["001"].entries
    names = [name.partition(".")[2] for name in entries if name.startswith("table_1.")]
    key = "fb_accuracy_percent"
    equal = [
        entries[f"table_1.{name}"].values[key] == entries[f"table_2.{name}"].values[key]
        for name in names
    ]
    return 0.0, float(sum(equal))


def _file_ratio(reported: Reported) -> Pair:
    """Four numbers a weight (weight, mask, two moments of Adam) in the file of the pruned model."""
    unpruned, pruned = (
        reported.entry("002", f"weight_pruning.size.{name}").values["size_mb"]
        for name in ("unpruned", "pruned")
    )
    return pruned / unpruned, 4.0


def _test_images(name: str) -> Callable[[Reported], Pair]:
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


CHECKS: dict[str, Callable[[Reported], Pair]] = {
    "rows": _rows,
    "total": _total,
    "trainable": _trainable,
    "statistics": _statistics,
    "listed": _listed,
    "zeroed": _zeroed,
    "eligible": _eligible,
    "share": _share,
    "kept": _kept,
    "fb_column": _fb_column,
    "file_ratio": _file_ratio,
    "plain_test_images": _test_images("filters.plain"),
    "pruned_test_images": _test_images("filters.pruned"),
    "final_accuracy": _final_accuracy,
    "filter_lists": _filter_lists,
}
"""Name in ``config/claims`` -> the sum."""
