"""From records to rows of the results frame: one function for each kind of record, one row per number."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from partial_backprop.inputs import Run
from partial_backprop.measurements import (
    captions,
    compression,
    filters,
    gradient_counts,
    inclusion,
    linear,
    mask_stability,
    movement,
    sizes,
    step_costs,
    tinyscript,
)
from partial_backprop.record import Count
from partial_backprop.table_entries import WHERE

COLUMNS = (*WHERE, "metric", "value", "n")

Row = dict[str, Any]
Values = Mapping[str, float | None]

STAGES = {"paper_protocol": "best_on_test"}
"""Selection rule of a record -> stage, where the two differ."""

NEAR_ZERO = 0.05
"""Magnitude up to which one final pruning takes a weight of Lab 1, whose targets are whole numbers."""

AS_START = "as_start"
"""Stage of a network as other runs find it that begin with its weights."""

FLOAT_LAYERS = ("head_conv.0.conv", "final_fc.linear")
"""First and last layer of ResNet-20, which no arm quantizes (source 003, Lab 3 (b))."""

TOTAL = "total"
"""Layer that stands for all prunable ones together."""

FRACTIONS = {"eighth": 1 / 8, "quarter": 1 / 4, "half": 1 / 2, "last": 1.0}
"""Stage of a path -> share of its length: epochs 20, 40, 80 and 160 of 160."""

MIB = 2**20


def rows(run: Run) -> Iterator[Row]:
    """Yield all numbers of a run, each as a row of the results frame."""
    for part in PARTS:
        yield from part(run)


def _rows(run: Run, values: Values, n: float = np.nan, **settings: Any) -> Iterator[Row]:
    identity = dict(zip(("experiment", "arm", "seed"), run.key, strict=True)) | settings
    for metric, value in values.items():
        if value is not None:
            yield identity | {"metric": metric, "value": float(value), "n": n}


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else np.nan


def _score(name: str, count: Count) -> dict[str, float]:
    return {
        f"{name}_accuracy_percent": 100 * count.n_correct / count.n_examples,
        f"{name}_n_correct": count.n_correct,
        f"{name}_n_examples": count.n_examples,
    }


def _classified(run: Run) -> Iterator[Row]:
    """Runs with selections; those of Labs 2 and 3 have settings and are elsewhere."""
    if compression.KEY in run.record.measurements:
        return
    frozen = _frozen(run)
    for chosen in run.record.selections:
        stage = STAGES.get(chosen.rule, chosen.rule)
        score = _score("test", chosen.test) | {"epoch": chosen.epoch}
        yield from _rows(run, score, chosen.test.n_examples, stage=stage)
        yield from _rows(run, frozen, frozen.get("n_weights", np.nan), stage=stage)


def _frozen(run: Run) -> dict[str, float]:
    """What the mask froze and what of it moved; thresholds in the source's units (÷ learning rate)."""
    report, training = run.record.freezing, run.record.config.training
    if report is None:
        return {}
    n_weights = report.total("n_weights")
    values: dict[str, float] = {"n_weights": n_weights}
    for name in ("mask_zeros", "natural_zeros", "unmoved"):
        count = report.total(f"n_{name}")
        values |= {f"n_{name}": count, f"{name}_percent": _percent(count, n_weights)}
    if report.threshold is not None and training is not None:
        rate = training.learning_rate(report.masked_at_epochs[-1])
        values["threshold_paper"] = report.threshold / rate
    if values["n_mask_zeros"]:
        drift = sum(layer.drift_sum_abs for layer in report.layers)
        values["drift_mean_abs"] = drift / values["n_mask_zeros"]
    values["drift_max_abs"] = max((layer.drift_max_abs for layer in report.layers), default=np.nan)
    return values


def _losses(run: Run) -> Iterator[Row]:
    """Test loss of each selected epoch, where the history is there."""
    if not (run.record.selections and run.path.with_name("history.csv").exists()):
        return
    losses = run.history().set_index("epoch")["test_loss"]
    for chosen in run.record.selections:
        stage = STAGES.get(chosen.rule, chosen.rule)
        yield from _rows(
            run, {"test_loss": losses[chosen.epoch]}, chosen.test.n_examples, stage=stage
        )


def _settings(run: Run) -> Iterator[Row]:
    """What a run was set to, as metrics ``setting.…``."""
    record, training = run.record, run.record.config.training
    values: dict[str, float | None] = {}
    if training is not None:
        values |= {"epochs": training.epochs, "batch_size": training.batch_size}
        values |= {"learning_rate": training.optimizer.learning_rate}
        values |= {"warmup_epochs": training.shared_epochs}
    if record.data is not None:
        values["image_side"] = record.data.image_shape[1]
    if record.network is not None:
        values["full_size"] = record.network.full_size
    for name in ("beam", "n_train_captions"):
        values[name] = record.measurements.get(captions.KEY, {}).get(name)
    for name in ("kappa", "nu", "strength"):
        value = record.config.recipe.get(name)
        values[name] = value if isinstance(value, int | float) else None
    yield from _rows(run, {f"setting.{name}": value for name, value in values.items()})


def _compressed(run: Run) -> Iterator[Row]:
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
            yield from _rows(run, _score("test", point.test), point.test.n_examples, **setting)
        if stage == "start":
            start = dict(zip(("experiment", "arm"), report.start.split("/"), strict=False))
            found = _score("test", point.test) | {"zeros_percent": 100 * point.sparsity_total()}
            found["n_outer_weights"] = _n_outer_weights(point)
            for row in _rows(run, found, point.test.n_examples, stage=AS_START):
                yield row | start
    for chosen in run.record.selections if report.finetuned is not None else ():
        setting = {"sparsity": report.finetuned.sparsity, "bits": report.finetuned.bits}
        stage = STAGES.get(chosen.rule, chosen.rule)
        n = chosen.test.n_examples
        yield from _rows(run, _score("test", chosen.test), n, stage=stage, **setting)


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
    yield from _rows(run, values, n_weights, **setting)
    for name, n, zeros in [
        *((layer.name, layer.n_weights, layer.n_zeros) for layer in prunable),
        (TOTAL, n_weights, n_zeros),
    ]:
        share = {"zeros_share": zeros / n, "n_zeros": zeros, "n_weights": n}
        share |= {} if name == TOTAL else {"zeros_percent": 100 * zeros / n}
        yield from _rows(run, share, n, layer=name, **setting)


def _n_outer_weights(point: compression.Point) -> int:
    return sum(layer.n_weights for layer in point.layers if layer.name in FLOAT_LAYERS)


def _filters(run: Run) -> Iterator[Row]:
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
    yield from _rows(run, counts, n_weights)
    n_test, augmented = report.test.count.n_examples, report.augmented_train.count
    yield from _rows(run, _score("small", report.small_test), n_test)
    yield from _rows(run, _score("augmented_train", augmented), n_test)
    best = _score("best_train", report.best_train)
    yield from _rows(run, best, augmented.n_examples)
    yield from _rows(run, _score("final_test", report.test.count), n_test)
    for tensor in report.tensors:
        n = tensor.n_weights
        share = {"n_weights": n, "zeros_percent": 100 * tensor.n_zeros / n}
        share["signed_percent"] = 100 * tensor.n_signed / n
        yield from _rows(run, share, n, layer=tensor.name)


def _captions(run: Run) -> Iterator[Row]:
    if captions.KEY not in run.record.measurements:
        return
    report = captions.of(run.record)
    found = {
        (decoding, kind): (getattr(bleu, kind), bleu.n_captions)
        for decoding in ("teacher", "greedy", "beam", "teacher_marks")
        if (bleu := report.test.of(decoding)) is not None
        for kind in ("five", "one")
    }
    found["beam", "shuffled"] = report.shuffled, np.nan
    for (decoding, kind), (counts, n) in found.items():
        values: dict[str, float] = {f"bleu_{n}": counts.score(n) for n in captions.ORDERS}
        for what in ("matches", "totals"):
            numbers = getattr(counts, what)
            values |= {f"{what}_{n}": numbers[n - 1] for n in captions.ORDERS}
        values["hypothesis_length"] = counts.hypothesis_length
        values["reference_length"] = counts.reference_length
        yield from _rows(run, values, n, decoding=decoding, references=kind)
    frozen = _frozen(run)
    freezing = run.record.freezing
    if freezing is None:
        return
    # A threshold freezes every zero gradient too; a random mask does not.
    if freezing.threshold is not None:
        masked = frozen["n_mask_zeros"] - frozen["n_natural_zeros"]
        frozen["masked_not_natural_percent"] = 100 * masked / frozen["n_weights"]
    embedding = sum(
        layer.n_natural_zeros for layer in freezing.layers if layer.name.startswith("embedding")
    )
    frozen["embedding_percent"] = _percent(embedding, frozen["n_natural_zeros"])
    yield from _rows(run, frozen, frozen["n_weights"])


def _paths(run: Run) -> Iterator[Row]:
    """DessiLBI: readings on the way, the last epoch, the best ones, and layers."""
    if inclusion.KEY not in run.record.measurements:
        return
    report = inclusion.of(run.record)
    n_epochs = len(report.epochs)
    for stage, fraction in FRACTIONS.items():
        after = max(1, round(fraction * n_epochs))
        yield from _path(run, report, after - 1, stage)
    for index, epoch in enumerate(report.epochs):
        score = _score("sparse", epoch.sparse_test)["sparse_accuracy_percent"]
        course = {"sparse_accuracy_percent": score, "density_percent": 100 * report.density(index)}
        yield from _rows(run, course, epoch.sparse_test.n_examples, stage=f"epoch_{index + 1}")
    for kind in ("full", "sparse"):
        for stage, split in (("best_on_validation", "validation"), ("best_on_test", "test")):
            correct = [getattr(epoch, f"{kind}_{split}").n_correct for epoch in report.epochs]
            yield from _path(run, report, int(np.argmax(correct)), stage, (kind,))
    last = report.epochs[-1]
    ever = [max(epoch.n_entered[i] for epoch in report.epochs) for i in range(len(report.layers))]
    kinds: dict[str, list[int]] = {}
    for title, layer, n, n_ever in zip(
        layer_titles(report), report.layers, last.n_nonzero, ever, strict=True
    ):
        values = {"density_percent": 100 * n / layer.n_weights, "n_nonzero": n, "n_ever": n_ever}
        values["n_weights"] = layer.n_weights
        yield from _rows(run, values, layer.n_weights, stage="last", layer=title)
        total = kinds.setdefault(title.rstrip("0123456789"), [0, 0])
        kinds[title.rstrip("0123456789")] = [total[0] + n, total[1] + layer.n_weights]
    for kind, (n, n_weights) in kinds.items():
        density = {"density_percent": 100 * n / n_weights}
        yield from _rows(run, density, n_weights, stage="last", layer=kind)
    yield from _rows(run, {"norm_to_enter": _norm_to_enter(run)})


def _path(
    run: Run,
    report: inclusion.InclusionReport,
    index: int,
    stage: str,
    kinds: tuple[str, ...] = ("full", "sparse"),
) -> Iterator[Row]:
    epoch, n_weights = report.epochs[index], report.n_weights()
    density = 100 * report.density(index)
    for kind in kinds:
        count = getattr(epoch, f"{kind}_test")
        values = _score(kind, count) | {f"{kind}_after": index + 1}
        values[f"{kind}_density_percent"] = density
        yield from _rows(run, values, epoch.full_test.n_examples, stage=stage)
    if stage in FRACTIONS:
        values = {"density_percent": density, "n_nonzero": sum(epoch.n_nonzero)}
        values |= {"n_weights": n_weights, "after": index + 1}
        yield from _rows(run, values, n_weights, stage=stage)


def layer_titles(report: inclusion.InclusionReport) -> list[str]:
    """Name the layers of a path as the source does: Conv1, Conv2, FC1 and so on."""
    kinds = ["Conv" if layer.groups == "filters" else "FC" for layer in report.layers]
    return [f"{kind}{kinds[: i + 1].count(kind)}" for i, kind in enumerate(kinds)]


def _norm_to_enter(run: Run) -> float:
    """How long a group of W must be at some step to enter the support within the run: λν/Σα over all steps.

    Before a group enters, V_g is the sum of αW_g/ν.
    """
    training, options = run.record.config.training, run.record.config.recipe
    n_steps = -(-run.record.data.n_train // training.batch_size)
    rates = (
        training.optimizer.learning_rate
        * training.decay ** sum(epoch >= milestone for milestone in training.milestones)
        for epoch in range(training.epochs)
    )
    return options["lam"] * options["nu"] / (n_steps * sum(rates))


def _tickets(run: Run) -> Iterator[Row]:
    if inclusion.TICKET not in run.record.measurements:
        return
    report = inclusion.ticket_of(run.record)
    yield from _rows(
        run, {"kept_percent": 100 * report.density(), "path_epochs": report.n_epochs_of_path}
    )


def _top_five(run: Run) -> Iterator[Row]:
    if inclusion.TOP_FIVE in run.record.measurements:
        count = Count.model_validate(run.record.measurements[inclusion.TOP_FIVE])
        yield from _rows(run, _score("top_five", count), count.n_examples, stage="last")


def _masks(run: Run) -> Iterator[Row]:
    """How masks of other batches agree with a run's own, and whether large gradients go with long ways."""
    moved = movement.of(run.record)
    if moved is not None and moved.batches:
        yield from _rows(run, {"movement_rank_correlation": moved.batches[0].rank_correlation})
    masks = mask_stability.of(run.record)
    if masks is None:
        return
    for size in sorted({mask.batch_size for mask in masks.others}):
        others = [mask for mask in masks.others if mask.batch_size == size]
        yield from _rows(run, _agreement(masks, size), len(others), batch_size=size)
        if size == masks.own.batch_size:
            overlap = 100 * np.mean([_overlap(masks, mask) for mask in others])
            yield from _rows(run, {"mask_overlap_percent": overlap})


def _overlap(masks: mask_stability.MaskStability, mask: mask_stability.BatchMask) -> float:
    n, own = masks.n_weights, masks.own.n_frozen
    return mask_stability.jaccard(n, own, mask.n_frozen, mask.n_frozen_in_first)[0]


def _agreement(masks: mask_stability.MaskStability, size: int) -> dict[str, float]:
    n, own = masks.n_weights, masks.own.n_frozen
    others = [mask for mask in masks.others if mask.batch_size == size]
    frozen = {mask.start: mask.n_frozen for mask in others}
    pairs = [
        mask_stability.jaccard(n, frozen[pair.first], frozen[pair.second], pair.n_frozen_in_both)[0]
        for pair in masks.pairs
        if pair.batch_size == size
    ]
    return {
        "n_masks": len(others),
        "masks_frozen_percent": 100 * np.mean([mask.n_frozen / n for mask in others]),
        "masks_zeros_percent": 100 * np.mean([mask.n_zero_gradients / n for mask in others]),
        "masks_zeros_under_own_percent": 100 * np.mean([m.n_zero_under_first / n for m in others]),
        "overlap_own": np.mean([_overlap(masks, mask) for mask in others]),
        "overlap_chance": np.mean(
            [
                mask_stability.jaccard(n, own, mask.n_frozen, own * mask.n_frozen / n)[0]
                for mask in others
            ]
        ),
        "overlap_pairs": np.mean(pairs) if pairs else np.nan,
    }


def _descents(run: Run) -> Iterator[Row]:
    """Lab 1, where nothing is random. A descent that never settles does so after infinitely many steps."""
    if run.record.experiment != linear.EXPERIMENT:
        return
    report = linear.of(run.record)
    for course in report.courses:
        losses, weights = (
            linear.by_step(report, values) for values in (course.losses, course.weights)
        )
        end, last = weights[-1], losses[-1]
        settled = linear.loss_settled_after(losses), linear.weights_settled_after(weights)
        values = {
            "n_steps": report.n_steps,
            "n_updates": len(course.losses) - 1,
            "loss": last,
            "log10_loss": np.log10(max(last, np.finfo(float).tiny)),
            "noise": linear.noise(losses),
            "noise_by_update": linear.noise(
                course.losses, linear.TAIL_STEPS * report.updates_per_step
            ),
            "loss_settled_step": np.inf if settled[0] is None else settled[0],
            "weights_settled_step": np.inf if settled[1] is None else settled[1],
            "n_nonzero": sum(weight != 0 for weight in end),
            "n_exact_zero": sum(weight == 0 for weight in end),
            "n_near_zero": sum(abs(weight) <= NEAR_ZERO for weight in end),
            "distance_to_sparsest": linear.largest_difference(end, report.sparsest),
            **{f"w{position}": weight for position, weight in enumerate(end, start=1)},
        }
        yield from _rows(run, values, strength=course.strength)


def _zeroed(run: Run) -> Iterator[Row]:
    """Gradients zeroed in a step: in all, and by layer of Keras' list."""
    if gradient_counts.KEY not in run.record.measurements:
        return
    counts = gradient_counts.of(run.record)
    eligible = counts.total("n_entries", eligible=True)
    zeroed = counts.total("n_zeroed", eligible=True) / counts.n_steps
    values = {
        "zeroed_percent": 100 * zeroed / eligible,
        "n_zeroed_elsewhere": counts.total("n_zeroed", eligible=False),
        "squares_zeroed_percent": 100 * counts.total("squares_zeroed") / counts.total("squares"),
    }
    yield from _rows(run, values, eligible)
    whole = np.zeros(3)
    for layer in gradient_counts.layers([counts]):
        found = np.array([layer.n_entries, layer.n_eligible, layer.n_zeroed])
        whole += found
        indices = {"first_index": layer.first_index, "last_index": layer.last_index}
        yield from _rows(run, indices | _zeroed_of(*found), layer.n_entries, layer=layer.name)
    yield from _rows(run, _zeroed_of(*whole), whole[0], layer=TOTAL)


def _zeroed_of(n_entries: float, n_eligible: float, n_zeroed: float) -> dict[str, float]:
    return {
        "n_entries": n_entries,
        "n_eligible": n_eligible,
        "n_zeroed": n_zeroed,
        "n_kept": n_entries - n_zeroed,
        "zeroed_of_eligible_percent": _percent(n_zeroed, n_eligible),
    }


def _sizes(run: Run) -> Iterator[Row]:
    """Files of weight pruning, and the network before it as the stage ``start``."""
    if sizes.KEY not in run.record.measurements:
        return
    report = sizes.of(run.record)
    whole, state, masked = map(report.file, ("unpruned", "training_state", "training_state_masked"))
    before = _score("test", report.unpruned.test) | {"test_loss": report.unpruned.test_loss}
    yield from _rows(run, before, report.unpruned.test.n_examples, stage="start")
    n_test = report.pruned.test.n_examples
    yield from _rows(run, {"test_loss": report.pruned.test_loss}, n_test, stage="end")
    ratios = {
        "state_ratio": state.n_bytes / whole.n_bytes,
        "zip_left_percent": 100 * whole.n_bytes_zip / whole.n_bytes,
        "state_zip_left_percent": 100 * state.n_bytes_zip / state.n_bytes,
        "masked_zip_left_percent": 100 * masked.n_bytes_zip / masked.n_bytes,
    }
    if report.schedule:
        ratios["first_share_percent"] = 100 * report.schedule[0].share
        ratios["last_share_percent"] = 100 * report.schedule[-1].share
    yield from _rows(run, ratios, stage="start")
    for file in report.files:
        values = {"n_file_values": file.n_values, "times_unpruned": file.n_bytes / whole.n_bytes}
        for name in ("n_bytes", "n_bytes_zip", "n_bytes_zstd"):
            n_bytes = getattr(file, name)
            values |= {name: n_bytes, name.replace("n_bytes", "mib"): n_bytes / MIB}
        yield from _rows(run, values, file=file.content)


def _costs(run: Run) -> Iterator[Row]:
    """Time and memory of a training step, by optimizer as the layer."""
    if step_costs.KEY not in run.record.measurements:
        return
    report, times = step_costs.of(run.record), step_costs.timing(run.path)
    network = report.n_weight_bytes + report.n_activation_bytes
    medians = {} if times is None or times.empty else _median_times(times)
    for one in report.optimizers:
        values = {
            "n_state_bytes": one.n_state_bytes(),
            "n_weight_bytes": report.n_weight_bytes,
            "n_gradient_bytes": report.n_gradient_bytes,
            "n_activation_bytes": report.n_activation_bytes,
            "n_network_bytes": network,
            "n_all_bytes": network + report.n_gradient_bytes + one.n_state_bytes(),
        }
        yield from _rows(run, values | medians.get(one.name, {}), layer=one.name)


def _median_times(times: Any) -> dict[str, dict[str, float]]:
    """Medians over rounds by optimizer; ratios to SGD are taken within a round."""
    found = times.groupby("optimizer")[["step_s", "update_s", "extra_bytes"]].median()
    by_round = times.pivot(index="round", columns="optimizer", values="step_s")
    if "sgd" in by_round:
        found["times_sgd"] = by_round.div(by_round["sgd"], axis=0).median()
    return {str(name): row.to_dict() for name, row in found.iterrows()}


def _few_bits(run: Run) -> Iterator[Row]:
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
            yield from _rows(run, found)
    for one in report.magnitudes:
        values = {f"{one.kind}_shape": one.shape, f"n_{one.kind}_values": one.n_values}
        pairs = zip(tinyscript.BITS, one.weibull_variances, one.uniform_variances, strict=True)
        for bits, weibull, uniform in pairs:
            ratio = weibull / uniform if uniform else np.nan
            values[f"{one.kind}_variance_ratio_{bits}bit"] = ratio
        yield from _rows(run, values, one.n_values, layer=one.layer)


PARTS = (
    _classified, _losses, _settings, _compressed, _filters, _captions, _paths, _tickets, _top_five,
    _descents, _zeroed, _sizes, _costs, _masks, _few_bits,
)  # fmt: skip
"""Each yields rows with `COLUMNS` of the runs that it knows."""
