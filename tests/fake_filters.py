"""Synthetic records of networks with pruned filters, made through the real models.

For tests only: no number here was measured.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests import made as made_up
from tests.made import N_TRAIN, count

from partial_backprop import folders
from partial_backprop.inputs import Inputs
from partial_backprop.measurements import filters
from partial_backprop.measurements.filters import FiltersReport, Scored, Size, TensorZeros
from partial_backprop.record import NetworkFacts, Record

ARMS = folders.about("filter_pruning").arms

EXPERIMENT = "filter_pruning"

TENSORS = {
    "conv1_1.weight": (4, 27), "conv2_1.weight": (8, 36), "conv3_1.weight": (16, 72),
    "fc1.weight": (64, 256), "fc1.bias": (64, 1), "fc2.weight": (10, 64), "fc2.bias": (10, 1),
}  # fmt: skip
"""Parameter name -> its units, and the weights of each."""


@dataclasses.dataclass(frozen=True)
class Arm:
    """What a made-up arm measures."""

    zeros: float
    test: float
    penalty: str
    left: float = 1.0
    loss: float = 1.2


MADE = {
    "plain": Arm(0.0, 60, "none"),
    "group_filters": Arm(0.5, 58, "filters", left=0.25),
    "group_channels": Arm(0.25, 52, "channels", left=0.5),
    "squares": Arm(0.0, 59, "squares"),
    "softmax_twice": Arm(0.0, 50, "none", loss=1.9),
    "as_printed": Arm(0.0, 40, "squares", loss=1.8),
}
"""Arm -> what it measures."""


def _tensor(name: str, share: float) -> TensorZeros:
    """Units in the front are zero; of the others, every second weight is negative."""
    n_units, n = TENSORS[name]
    n_zero = int(share * n_units)
    zeros = [n] * n_zero + [0] * (n_units - n_zero)
    signed = [n] * n_zero + [n // 2] * (n_units - n_zero)
    by_filter = {}
    if name.startswith("conv"):
        by_filter = {"zeros_by_filter": tuple(zeros), "signed_by_filter": tuple(signed)}
    return TensorZeros(
        name=name, n_weights=n * n_units, n_zeros=sum(zeros), n_signed=sum(signed), **by_filter
    )


def report(made: Arm) -> FiltersReport:
    """Make up a report."""
    n_parameters = sum(n_units * n for n_units, n in TENSORS.values())
    whole = {"n_parameters": n_parameters, "n_multiply_adds": 10**6, "n_bytes": 4 * n_parameters}
    small = {name: round(made.left * value) for name, value in whole.items()}
    return FiltersReport(
        threshold=1e-5,
        tensors=tuple(_tensor(name, made.zeros) for name in TENSORS),
        test=Scored(loss=made.loss, count=count(made.test)),
        augmented_train=Scored(loss=made.loss, count=count(made.test + 10, N_TRAIN)),
        best_train=count(made.test + 11, N_TRAIN),
        best_test=count(made.test + 1),
        whole=Size(units=(4, 8, 16, 64, 10), **whole),
        small=Size(units=(2, 4, 8, 32, 10), **small),
        small_test=count(made.test),
        largest_difference=2e-6,
        largest_output=12.5,
    )


def recipe(arm: str) -> dict[str, object]:
    """Return the recipe of an arm."""
    penalty, script = MADE[arm].penalty, arm == "as_printed"
    return {
        "name": "filter_prune",
        "penalty": penalty,
        "strength": {"none": 0.0, "squares": 0.002}.get(penalty, 0.0003),
        "start_epoch": 0,
        "threshold": 1e-5,
        "padding": 4,
        "signed": script,
        "softmax_twice": script or arm == "softmax_twice",
        "test_on_train": script,
    }


def record(arm: str, seed: int = 0, made: Arm | None = None) -> Record:
    """Make up a run; its seed adds as many points to every accuracy."""
    made = made or MADE[arm]
    made = dataclasses.replace(made, test=made.test + seed)
    optimizer = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}
    config = made_up.config(
        EXPERIMENT, arm, seed, recipe(arm), optimizer, epochs=12, batch_size=32, milestones=(10,)
    )
    return made_up.record(
        config,
        data=made_up.data(),
        network=NetworkFacts(name="filter_cnn", n_parameters=18_670, full_size=False),
        selections=made_up.selections(dict.fromkeys(made_up.BONUS, made.test), epoch=11),
        measurements={filters.KEY: report(made).model_dump(mode="json")},
    )


def inputs(
    seeds: Iterable[int] = (0,),
    *,
    without: Iterable[str] = (),
    changed: Mapping[str, Arm] | None = None,
    folder: Path = made_up.NOWHERE,
) -> Inputs:
    """Make up what tables and figures read: `without` some arms, with others `changed`."""
    numbers, gone, other = list(seeds), set(without), changed or {}
    records = [
        record(arm, seed, other.get(arm)) for arm in ARMS for seed in numbers if arm not in gone
    ]
    return made_up.inputs(records, folder)
