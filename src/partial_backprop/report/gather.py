"""From records to rows of the results frame: one function for each kind of record."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from partial_backprop.frames import (
    aggregate,
    caption_arms,
    cost_arms,
    filter_arms,
    inclusion_frames,
    points,
)
from partial_backprop.inputs import Run
from partial_backprop.measurements import (
    captions,
    gradient_counts,
    linear,
    mask_stability,
    movement,
    sizes,
)

SETTINGS = ("layer", "sparsity", "bits", "strength", "decoding", "references")
KEYS = ("experiment", "arm", "seed", "stage", *SETTINGS)
COLUMNS = (*KEYS, "metric", "value", "n")

NEAR_ZERO = 0.05
"""Magnitude up to which one final pruning takes a weight of Lab 1, whose targets are whole numbers."""


def _long(wide: pd.DataFrame, metrics: Mapping[str, str], n: str = "") -> pd.DataFrame:
    """Stack columns of a wide frame: column -> name of the metric; `n` is the column of counts."""
    parts = [
        wide.reindex(columns=KEYS).assign(
            metric=name,
            value=pd.to_numeric(wide[column], errors="coerce"),
            n=wide.get(n, np.nan),
        )
        for column, name in metrics.items()
        if column in wide
    ]
    parts = [part.astype({"stage": object, "layer": object}) for part in parts if len(part)]
    return pd.concat(parts) if parts else pd.DataFrame(columns=COLUMNS)


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _classified(runs: Sequence[Run]) -> Iterable[pd.DataFrame]:
    """Runs with selections; those of Labs 2 and 3 have settings and are elsewhere."""
    compressed = {id(run) for run, _ in points.reports(runs)}
    wide = aggregate.runs_frame([run for run in runs if id(run) not in compressed])
    if wide.empty:
        return
    wide = wide.rename(columns={"rule": "stage"})
    yield _long(wide, _same("test_accuracy_percent"), "test_n_examples")
    shares = ("mask_zeros_percent", "natural_zeros_percent", "unmoved_percent")
    others = ("drift_max_abs", "threshold_paper")
    yield _long(wide, _same(*shares, *others), "n_weights")


def _losses(runs: Sequence[Run]) -> Iterable[pd.DataFrame]:
    """Test loss of each selected epoch, where the history is there."""
    rows = []
    for run in runs:
        if not (run.record.selections and run.path.with_name("history.csv").exists()):
            continue
        losses = run.history().set_index("epoch")["test_loss"]
        for chosen in run.record.selections:
            n = chosen.test.n_examples
            rows.append(
                _identity(run) | {"stage": chosen.rule, "loss": losses[chosen.epoch], "n": n}
            )
    yield _long(pd.DataFrame(rows), {"loss": "test_loss"}, "n")


def _settings(runs: Sequence[Run]) -> Iterable[pd.DataFrame]:
    """What a run was set to, as metrics ``setting.…``."""
    rows = []
    for run in runs:
        record, training = run.record, run.record.config.training
        row = _identity(run)
        if training is not None:
            row |= {"setting.epochs": training.epochs, "setting.batch_size": training.batch_size}
            row |= {"setting.learning_rate": training.optimizer.learning_rate}
            row |= {"setting.warmup_epochs": training.shared_epochs}
        if record.data is not None:
            row["setting.image_side"] = record.data.image_shape[1]
        if record.network is not None:
            row["setting.full_size"] = record.network.full_size
        for name in ("beam", "n_train_captions"):
            row[f"setting.{name}"] = record.measurements.get("captions", {}).get(name)
        rows.append(row)
    wide = pd.DataFrame(rows)
    yield _long(wide, _same(*(name for name in wide if name.startswith("setting."))))


def _compressed(runs: Sequence[Run]) -> Iterable[pd.DataFrame]:
    frame, layers = points.frame(runs), points.layers(runs)
    yield _long(frame, _same("test_accuracy_percent"), "test_n_examples")
    yield _long(frame, _same("zeros_percent", "n_values"), "n_prunable")
    layers = layers[layers["prunable"].eq(True)].rename(columns={"name": "layer"})
    share = 100 * layers["n_zeros"].astype(float) / layers["n_weights"].astype(float)
    yield _long(layers.assign(zeros_percent=share), _same("zeros_percent"), "n_weights")


def _filters(runs: Sequence[Run]) -> Iterable[pd.DataFrame]:
    wide = filter_arms.frame(runs).assign(experiment=filter_arms.EXPERIMENT)
    more = {}
    for run, report in filter_arms.reports(runs):
        best = report.best_train
        more[run.record.arm, run.record.seed] = {
            "best_train_accuracy_percent": 100 * best.n_correct / best.n_examples,
            "n_empty_filters": sum(
                zeros == tensor.n_weights // len(tensor.zeros_by_filter)
                for tensor in report.tensors
                for zeros in tensor.zeros_by_filter or ()
            ),
        }
    keys = list(zip(wide["arm"], wide["seed"], strict=True))
    for name in ("best_train_accuracy_percent", "n_empty_filters"):
        wide[name] = [more[key][name] for key in keys]
    scores = {"small_test_percent": "small_accuracy_percent"}
    scores["augmented_train_percent"] = "augmented_train_accuracy_percent"
    yield _long(wide, scores, "test_n_examples")
    yield _long(wide, _same("best_train_accuracy_percent"), "augmented_train_n_examples")
    counts = _same("zeros_percent", "signed_percent", "n_empty_filters", "time_left_percent")
    yield _long(wide, counts, "n_weights")


def _captions(runs: Sequence[Run]) -> Iterable[pd.DataFrame]:
    """Captioners of any experiment; the frames know them by one name."""
    named: dict[str, list[Run]] = {}
    for run in runs:
        if captions.KEY in run.record.measurements:
            record = run.record.model_copy(update={"experiment": captions.EXPERIMENT})
            own = dataclasses.replace(run, record=record)
            named.setdefault(run.record.experiment, []).append(own)
    for experiment, own in named.items():
        scores, frozen = caption_arms.frame(own), caption_arms.frozen(own)
        scores = scores[scores["split"].eq("test")].assign(experiment=experiment)
        yield _long(scores, _same("bleu_1", "bleu_2", "bleu_3", "bleu_4"), "n_captions")
        shares = _same("mask_zeros_percent", "masked_not_natural_percent")
        yield _long(frozen.assign(experiment=experiment), shares, "n_weights")


def _paths(runs: Sequence[Run]) -> Iterable[pd.DataFrame]:
    """DessiLBI: readings on the way, the last epoch, the best ones, and layers."""
    epochs, layers = inclusion_frames.epochs(runs), inclusion_frames.layers(runs)
    accuracies = {"full_test_percent": "full_accuracy_percent"}
    accuracies["sparse_test_percent"] = "sparse_accuracy_percent"
    for _, own in epochs.groupby(["experiment", "arm"], sort=False):
        readings = inclusion_frames.readings(int(own["after"].max()))
        stages = dict(zip(("eighth", "quarter", "half", "last"), readings, strict=True))
        for stage, after in stages.items():
            read = own[own["after"].eq(after)].assign(stage=stage)
            yield _long(read, accuracies, "full_test_n_examples")
            yield _long(read, _same("density_percent"), "n_weights")
        best = own.groupby("seed", as_index=False)[list(accuracies)].max()
        names = own.iloc[0][["experiment", "arm", "full_test_n_examples"]].to_dict()
        best = best.assign(stage="best_on_test", **names)
        yield _long(best, accuracies, "full_test_n_examples")
    layers = layers.assign(stage="last", layer=layers["title"])
    yield _long(layers, _same("density_percent"), "n_weights")
    kinds = layers.assign(layer=layers["title"].str.rstrip("0123456789"))
    keys = ["experiment", "arm", "seed", "stage", "layer"]
    kinds = kinds.groupby(keys, as_index=False)[["n_nonzero", "n_weights"]].sum()
    kinds["density_percent"] = 100 * kinds["n_nonzero"] / kinds["n_weights"]
    yield _long(kinds, _same("density_percent"), "n_weights")


def _masks(runs: Sequence[Run]) -> Iterable[pd.DataFrame]:
    """How masks of other batches agree with a run's own, and whether large gradients go with long ways."""
    rows = []
    for run in runs:
        row = _identity(run)
        if (moved := movement.of(run.record)) is not None and moved.batches:
            row["movement_rank_correlation"] = moved.batches[0].rank_correlation
        if (masks := mask_stability.of(run.record)) is not None:
            agreed = [
                mask_stability.jaccard(
                    masks.n_weights, masks.own.n_frozen, other.n_frozen, other.n_frozen_in_first
                )[0]
                for other in masks.others
                if other.batch_size == masks.own.batch_size
            ]
            row |= {"mask_overlap_percent": 100 * np.mean(agreed)} if agreed else {}
        rows.append(row)
    yield _long(pd.DataFrame(rows), _same("movement_rank_correlation", "mask_overlap_percent"))


def _descents(runs: Sequence[Run]) -> Iterable[pd.DataFrame]:
    """Lab 1, where nothing is random. A descent that never settles does so after infinitely many steps."""
    rows = []
    for run in runs:
        if run.record.experiment != linear.EXPERIMENT:
            continue
        report = linear.of(run.record)
        for course in report.courses:
            losses, weights = (
                linear.by_step(report, values) for values in (course.losses, course.weights)
            )
            end = weights[-1]
            settled = linear.loss_settled_after(losses), linear.weights_settled_after(weights)
            rows.append(
                _identity(run)
                | {
                    "strength": course.strength,
                    "loss": losses[-1],
                    "noise": linear.noise(losses),
                    "loss_settled_step": np.inf if settled[0] is None else settled[0],
                    "weights_settled_step": np.inf if settled[1] is None else settled[1],
                    "n_nonzero": sum(weight != 0 for weight in end),
                    "n_near_zero": sum(abs(weight) <= NEAR_ZERO for weight in end),
                    "log10_loss": np.log10(max(losses[-1], np.finfo(float).tiny)),
                }
            )
    wide = pd.DataFrame(rows)
    yield _long(wide, _same(*(name for name in wide if name not in KEYS)))


def _zeroed(runs: Sequence[Run]) -> Iterable[pd.DataFrame]:
    """Share of the eligible gradients that are zeroed in a step, and how many others are."""
    rows = []
    for run in runs:
        if gradient_counts.KEY not in run.record.measurements:
            continue
        counts = gradient_counts.of(run.record)
        eligible = counts.total("n_entries", eligible=True)
        zeroed = counts.total("n_zeroed", eligible=True) / counts.n_steps
        row = {"zeroed_percent": 100 * zeroed / eligible, "n": eligible}
        row["n_zeroed_elsewhere"] = counts.total("n_zeroed", eligible=False)
        rows.append(_identity(run) | row)
    yield _long(pd.DataFrame(rows), _same("zeroed_percent", "n_zeroed_elsewhere"), "n")


def _sizes(runs: Sequence[Run]) -> Iterable[pd.DataFrame]:
    """Files of weight pruning; the network before is the stage ``start``."""
    rows = []
    for run in runs:
        if sizes.KEY not in run.record.measurements:
            continue
        report = sizes.of(run.record)
        whole, state, masked = map(
            report.file, ("unpruned", "training_state", "training_state_masked")
        )
        before = report.unpruned
        row = {
            "stage": "start",
            "accuracy": 100 * before.test.n_correct / before.test.n_examples,
            "loss": before.test_loss,
            "n": before.test.n_examples,
            "state_ratio": state.n_bytes / whole.n_bytes,
            "zip_left_percent": 100 * whole.n_bytes_zip / whole.n_bytes,
            "state_zip_left_percent": 100 * state.n_bytes_zip / state.n_bytes,
            "masked_zip_left_percent": 100 * masked.n_bytes_zip / masked.n_bytes,
        }
        rows.append(_identity(run) | row)
    wide = pd.DataFrame(rows)
    yield _long(wide, {"accuracy": "test_accuracy_percent", "loss": "test_loss"}, "n")
    yield _long(
        wide,
        _same(
            "state_ratio", "zip_left_percent", "state_zip_left_percent", "masked_zip_left_percent"
        ),
    )


def _costs(runs: Sequence[Run]) -> Iterable[pd.DataFrame]:
    rows = [
        _identity(run) | {"layer": optimizer, "times_sgd": found["times_sgd"]}
        for run in cost_arms.first_seeds(runs)
        for optimizer, found in cost_arms.medians(run).items()
    ]
    yield _long(pd.DataFrame(rows), _same("times_sgd"))


def _identity(run: Run) -> dict[str, Any]:
    return dict(zip(("experiment", "arm", "seed"), run.key, strict=True))


PARTS = (
    _classified, _losses, _settings, _compressed, _filters, _captions, _paths, _descents, _zeroed,
    _sizes, _costs, _masks,
)  # fmt: skip
"""What `frame.results` asks, each of which yields long frames with `COLUMNS`."""
