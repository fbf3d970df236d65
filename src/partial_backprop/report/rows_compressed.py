"""Rows of pruned and quantized networks, of their files, and of what few bits cost."""

from collections.abc import Iterator

import numpy as np

from partial_backprop.inputs import Run
from partial_backprop.measurements import compression, filters, sizes, tinyscript
from partial_backprop.report.rows import AS_START, STAGES, TOTAL, Row, emit, score

FLOAT_LAYERS = ("head_conv.0.conv", "final_fc.linear")
"""First and last layer of ResNet-20, which no arm quantizes (sparse_homework, Lab 3 (b))."""

MIB = 2**20


def compressed(run: Run) -> Iterator[Row]:
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
        stage = STAGES.get(chosen.rule, chosen.rule)
        n = chosen.test.n_examples
        yield from emit(run, score("test", chosen.test), n, stage=stage, **setting)


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


def filtered(run: Run) -> Iterator[Row]:
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


def files(run: Run) -> Iterator[Row]:
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


def few_bits(run: Run) -> Iterator[Row]:
    """Bytes of packed activations and gradients a step, and variances of rounding by layer."""
    if tinyscript.KEY not in run.record.measurements:
        return
    report = tinyscript.of(run.record)
    for kind in ("activation", "gradient"):
        if getattr(report, f"{kind}s"):
            packed, before = (
                getattr(report, f"n_{kind}_bytes{end}") / report.n_steps for end in ("", "_before")
            )
            found = {f"n_{kind}_bytes_a_step": packed, f"n_{kind}_bytes_a_step_before": before}
            yield from emit(run, found)
    for one in report.magnitudes:
        values = {f"{one.kind}_shape": one.shape, f"n_{one.kind}_values": one.n_values}
        pairs = zip(tinyscript.BITS, one.weibull_variances, one.uniform_variances, strict=True)
        for bits, weibull, uniform in pairs:
            ratio = weibull / uniform if uniform else np.nan
            values[f"{one.kind}_variance_ratio_{bits}bit"] = ratio
        yield from emit(run, values, one.n_values, layer=one.layer)
