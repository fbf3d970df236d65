"""Rows of DessiLBI's paths, tickets and costs."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from partial_backprop.experiments.dessilbi import results as inclusion
from partial_backprop.experiments.dessilbi import step_costs
from partial_backprop.inputs import Run
from partial_backprop.record import Count
from partial_backprop.report.rows import Row, emit, score

METRICS = (
    "full_accuracy_percent", "full_n_correct", "full_n_examples", "full_after",
    "full_density_percent", "sparse_accuracy_percent", "sparse_n_correct", "sparse_n_examples",
    "sparse_after", "sparse_density_percent", "density_percent", "n_nonzero", "after", "n_ever",
    "norm_to_enter", "n_state_bytes", "n_weight_bytes", "n_gradient_bytes", "n_activation_bytes",
    "n_network_bytes", "n_all_bytes", "step_s", "update_s", "extra_bytes", "times_sgd",
    "kept_percent", "path_epochs", "top_five_accuracy_percent", "top_five_n_correct",
    "top_five_n_examples",
)  # fmt: skip
"""Quantities that it adds to the results frame."""


FRACTIONS = {"eighth": 1 / 8, "quarter": 1 / 4, "half": 1 / 2, "last": 1.0}
"""Stage of a path -> share of its length: epochs 20, 40, 80 and 160 of 160."""


def paths(run: Run) -> Iterator[Row]:
    """DessiLBI: readings on the way, the last epoch, the best ones, and layers."""
    if inclusion.KEY not in run.record.measurements:
        return
    report = inclusion.of(run.record)
    n_epochs = len(report.epochs)
    for stage, fraction in FRACTIONS.items():
        after = max(1, round(fraction * n_epochs))
        yield from _path(run, report, after - 1, stage)
    for index, epoch in enumerate(report.epochs):
        sparse = score("sparse", epoch.sparse_test)
        course = {"density_percent": 100 * report.density(index)}
        course["sparse_accuracy_percent"] = sparse["sparse_accuracy_percent"]
        yield from emit(run, course, epoch.sparse_test.n_examples, stage=f"epoch_{index + 1}")
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
        yield from emit(run, values, layer.n_weights, stage="last", layer=title)
        total = kinds.setdefault(title.rstrip("0123456789"), [0, 0])
        kinds[title.rstrip("0123456789")] = [total[0] + n, total[1] + layer.n_weights]
    for kind, (n, n_weights) in kinds.items():
        density = {"density_percent": 100 * n / n_weights}
        yield from emit(run, density, n_weights, stage="last", layer=kind)
    yield from emit(run, {"norm_to_enter": _norm_to_enter(run)})


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
        values = score(kind, count) | {f"{kind}_after": index + 1}
        values[f"{kind}_density_percent"] = density
        yield from emit(run, values, epoch.full_test.n_examples, stage=stage)
    if stage in FRACTIONS:
        values = {"density_percent": density, "n_nonzero": sum(epoch.n_nonzero)}
        values |= {"n_weights": n_weights, "after": index + 1}
        yield from emit(run, values, n_weights, stage=stage)


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


def costs(run: Run) -> Iterator[Row]:
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
        yield from emit(run, values | medians.get(one.name, {}), layer=one.name)


def _median_times(times: Any) -> dict[str, dict[str, float]]:
    """Medians over rounds by optimizer; ratios to SGD are taken within a round."""
    found = times.groupby("optimizer")[["step_s", "update_s", "extra_bytes"]].median()
    by_round = times.pivot(index="round", columns="optimizer", values="step_s")
    if "sgd" in by_round:
        found["times_sgd"] = by_round.div(by_round["sgd"], axis=0).median()
    return {str(name): row.to_dict() for name, row in found.iterrows()}


def top_five(run: Run) -> Iterator[Row]:
    """Accuracy among five guesses, where there are many classes."""
    if inclusion.TOP_FIVE in run.record.measurements:
        count = Count.model_validate(run.record.measurements[inclusion.TOP_FIVE])
        yield from emit(run, score("top_five", count), count.n_examples, stage="last")


def tickets(run: Run) -> Iterator[Row]:
    """What a mask leaves, and after how many epochs of its path it was taken."""
    if inclusion.TICKET not in run.record.measurements:
        return
    report = inclusion.ticket_of(run.record)
    yield from emit(
        run, {"kept_percent": 100 * report.density(), "path_epochs": report.n_epochs_of_path}
    )


def rows(run: Run) -> Iterator[Row]:
    """Yield the numbers of a run."""
    yield from paths(run)
    yield from tickets(run)
    yield from top_five(run)
    yield from costs(run)
