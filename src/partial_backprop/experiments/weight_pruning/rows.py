"""Rows of the files of pruned networks."""

from collections.abc import Iterator

from partial_backprop.experiments.weight_pruning import results as sizes
from partial_backprop.inputs import Run
from partial_backprop.report.rows import Row, emit, score

METRICS = (
    "state_ratio", "zip_left_percent", "state_zip_left_percent", "masked_zip_left_percent",
    "first_share_percent", "last_share_percent", "n_file_values", "times_unpruned", "n_bytes",
    "mib", "n_bytes_zip", "mib_zip", "n_bytes_zstd", "mib_zstd",
)  # fmt: skip
"""Quantities that it adds to the results frame."""


MIB = 2**20


def rows(run: Run) -> Iterator[Row]:
    """Files of weight pruning, and the network before it as the stage ``start``."""
    if sizes.KEY not in run.record.measurements:
        return
    report = sizes.of(run.record)
    whole, state, masked = map(report.file, ("unpruned", "training_state", "training_state_masked"))
    before = score("test", report.unpruned.test) | {"test_loss": report.unpruned.test_loss}
    yield from emit(run, before, report.unpruned.test.n_examples, stage="start")
    n_test = report.pruned.test.n_examples
    yield from emit(run, {"test_loss": report.pruned.test_loss}, n_test, stage="end")
    ratios = {
        "state_ratio": state.n_bytes / whole.n_bytes,
        "zip_left_percent": 100 * whole.n_bytes_zip / whole.n_bytes,
        "state_zip_left_percent": 100 * state.n_bytes_zip / state.n_bytes,
        "masked_zip_left_percent": 100 * masked.n_bytes_zip / masked.n_bytes,
    }
    if report.schedule:
        ratios["first_share_percent"] = 100 * report.schedule[0].share
        ratios["last_share_percent"] = 100 * report.schedule[-1].share
    yield from emit(run, ratios, stage="start")
    for file in report.files:
        values = {"n_file_values": file.n_values, "times_unpruned": file.n_bytes / whole.n_bytes}
        for name in ("n_bytes", "n_bytes_zip", "n_bytes_zstd"):
            n_bytes = getattr(file, name)
            values |= {name: n_bytes, name.replace("n_bytes", "mib"): n_bytes / MIB}
        yield from emit(run, values, file=file.content)
