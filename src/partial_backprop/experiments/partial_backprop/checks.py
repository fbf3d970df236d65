"""Comparisons of numbers that the paper on partial backpropagation prints."""

from partial_backprop.report.checks import Check, Pair
from partial_backprop.reported import Reported


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


CHECKS: dict[str, Check] = {
    "fb_column": _fb_column,
}
"""Name in ``claims.yaml`` -> the sum."""
