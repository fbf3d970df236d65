"""Ratios of numbers that the log of weight pruning prints."""

from partial_backprop.report.checks import Check, Pair
from partial_backprop.reported import Reported


def _file_ratio(reported: Reported) -> Pair:
    """Four numbers a weight (weight, mask, two moments of Adam) in the file of the pruned model."""
    unpruned, pruned = (
        reported.entry("002", f"weight_pruning.size.{name}").values["size_mb"]
        for name in ("unpruned", "pruned")
    )
    return pruned / unpruned, 4.0


CHECKS: dict[str, Check] = {
    "file_ratio": _file_ratio,
}
"""Name in ``claims.yaml`` -> the sum."""
