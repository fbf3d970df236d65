"""Sums over the numbers that the notes on gradients print."""

from partial_backprop.experiments.gradient_counts.gradient_arithmetic import arithmetic
from partial_backprop.report.checks import Check, Pair
from partial_backprop.reported import Reported


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


CHECKS: dict[str, Check] = {
    "rows": _rows,
    "total": _total,
    "trainable": _trainable,
    "statistics": _statistics,
    "listed": _listed,
    "zeroed": _zeroed,
    "eligible": _eligible,
    "share": _share,
    "kept": _kept,
}
"""Name in ``claims.yaml`` -> the sum."""
