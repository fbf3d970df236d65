"""Rows of pruned and quantized networks, at each stage and setting."""

from collections.abc import Iterator

from partial_backprop.inputs import Run
from partial_backprop.measurements import compression
from partial_backprop.report.rows import AS_START, TOTAL, Row, emit, score

METRICS = (
    "n_zeros", "zeros_percent", "n_values", "n_inner_nonzero", "n_inner_nonzero_values",
    "n_inner_values_max", "zeros_share", "n_outer_weights", "asked_sparsity",
)  # fmt: skip
"""Quantities that it adds to the results frame."""


FLOAT_LAYERS = ("head_conv.0.conv", "final_fc.linear")
"""First and last layer of ResNet-20, which no arm quantizes (sparse_homework, Lab 3 (b))."""


def rows(run: Run) -> Iterator[Row]:
    """Pruned or quantized networks at each stage and setting."""
    if compression.KEY not in run.record.measurements:
        return
    report = compression.of(run.record)
    points = [("start", report.start_point)]
    points += [("without_finetuning", point) for point in report.without_finetuning]
    points += [("last", report.finetuned)] if report.finetuned is not None else []
    for stage, point in points:
        setting = {"stage": stage, "sparsity": point.sparsity, "bits": point.bits}
        yield from _compressed_weights(run, point, setting)
        if stage != "last":  # whose score is that of the selection below
            yield from emit(run, score("test", point.test), point.test.n_examples, **setting)
        if stage == "start":
            start = dict(zip(("experiment", "arm"), report.start.split("/"), strict=False))
            found = score("test", point.test) | {"zeros_percent": 100 * point.sparsity_total()}
            found["n_outer_weights"] = _n_outer_weights(point)
            for row in emit(run, found, point.test.n_examples, stage=AS_START):
                yield row | start
    for chosen in run.record.selections if report.finetuned is not None else ():
        setting = {"sparsity": report.finetuned.sparsity, "bits": report.finetuned.bits}
        n = chosen.test.n_examples
        yield from emit(run, score("test", chosen.test), n, stage=chosen.rule, **setting)


def _compressed_weights(run: Run, point: compression.Point, setting: Row) -> Iterator[Row]:
    prunable = [layer for layer in point.layers if layer.prunable]
    inner = [layer for layer in point.layers if layer.name not in FLOAT_LAYERS]
    coded = [layer for layer in inner if layer.prunable]
    n_weights = sum(layer.n_weights for layer in prunable)
    n_zeros = sum(layer.n_zeros for layer in prunable)
    values = {
        "asked_sparsity": point.sparsity,
        "zeros_percent": 100 * point.sparsity_total(),
        "n_values": max((layer.n_values for layer in inner), default=None),
        "n_inner_nonzero": sum(layer.n_weights - layer.n_zeros for layer in coded),
        "n_inner_nonzero_values": sum(layer.n_values - (layer.n_zeros > 0) for layer in coded),
        "n_inner_values_max": max((layer.n_values for layer in coded), default=None),
    }
    yield from emit(run, values, n_weights, **setting)
    for name, n, zeros in [
        *((layer.name, layer.n_weights, layer.n_zeros) for layer in prunable),
        (TOTAL, n_weights, n_zeros),
    ]:
        share = {"zeros_share": zeros / n, "n_zeros": zeros, "n_weights": n}
        share |= {} if name == TOTAL else {"zeros_percent": 100 * zeros / n}
        yield from emit(run, share, n, layer=name, **setting)


def _n_outer_weights(point: compression.Point) -> int:
    return sum(layer.n_weights for layer in point.layers if layer.name in FLOAT_LAYERS)
