"""Rows and words of the table of pruned filters."""

from typing import Any

from partial_backprop.report import layout
from partial_backprop.report.tables import Context


def layers(context: Context) -> list[dict[str, Any]]:
    """List the tensors of which the source prints the zeros."""
    entries = context.inputs.reported.documents["002"].entries
    names = [name.removeprefix("filters.1.") for name in entries if name.startswith("filters.1.")]
    return [
        {"name": name, "at": {"layer": name}, "rule": name.startswith("conv1")}
        for name in names
        if name != "total" and not name.startswith("by_filter.")
    ]


def weights(context: Context, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Show the number of a tensor's elements in any of the networks."""
    frame = context.results.frame
    own = frame[frame["metric"].eq("n_weights") & frame["layer"].eq(row["name"])]
    counts = sorted({int(count) for count in own["value"]})
    shown = " or ".join(f"{count:,}" for count in counts) or layout.NONE
    return shown, {"n_weights": " ".join(map(str, counts))}


def words(context: Context) -> dict[str, str | None]:
    """Return the threshold, and the size of the network before anything is removed."""
    frame = context.results.frame
    first = frame.drop_duplicates("metric").set_index("metric")["value"]
    if "zero_threshold" not in first:
        return dict.fromkeys(("threshold", "parameters", "flops", "file"))
    return {
        "threshold": layout.significant(first["zero_threshold"], 1),
        "parameters": layout.whole(first["whole_n_parameters"]),
        "flops": f"{2 * first['whole_n_multiply_adds'] / 1e6:,.1f}",
        "file": f"{first['whole_n_bytes'] / 1e6:,.2f}",
    }
