"""Synthetic records of DessiLBI and its competitors, made through the real models.

For tests only: no number here was measured.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from tests import made as made_up
from tests.made import N_VALIDATION, count

from partial_backprop import folders
from partial_backprop.experiments.dessilbi import results as inclusion
from partial_backprop.experiments.dessilbi import step_costs
from partial_backprop.experiments.dessilbi.paths import TUNED
from partial_backprop.experiments.dessilbi.results import (
    Epoch,
    FirstFilters,
    InclusionReport,
    Layer,
    Masked,
)
from partial_backprop.inputs import Inputs
from partial_backprop.record import NetworkFacts, Record

MNIST, CIFAR10, IMAGENET = "dessilbi_mnist", "dessilbi_cifar10", "dessilbi_imagenet"
EARLY = {"vgg16": "dessilbi_early_vgg16", "resnet56": "dessilbi_early_resnet56"}
TICKETS = {"vgg16": "dessilbi_ticket_vgg16", "resnet56": "dessilbi_ticket_resnet56"}
LAYERS = {"dessilbi_lenet3": "LeNet-3", "dessilbi_conv2": "Conv-2", "dessilbi_conv4": "Conv-4"}
COST = "dessilbi_cost"

EPOCHS = 8

FILTERS = {"conv1": (16, 9), "conv2": (32, 144)}
"""Layer of a convolutional network -> its filters, and the weights of each."""
UNITS = {"fc1": 2352, "fc2": 300, "fc3": 10}
"""Fully connected layer -> its weights: a hundredth of LeNet-3's."""

NETWORKS = {
    "lenet3": (), "conv2": ("conv1", "conv2"), "conv4": ("conv1", "conv2", "conv1", "conv2"),
    "vgg16": ("conv1", "conv2"), "resnet56": ("conv1",), "lenet5_6_16_120": ("conv1",),
    "resnet20": ("conv1",),
}  # fmt: skip
"""Network -> its convolutions; fully connected layers are those of `UNITS`."""


def layers(network: str) -> tuple[Layer, ...]:
    """Make up the layers of a network that have a Γ."""
    found = []
    for number, name in enumerate(NETWORKS[network], start=1):
        n_groups, size = FILTERS[name]
        found.append(
            Layer(
                name=f"conv{number}.weight",
                groups="filters",
                n_weights=n_groups * size,
                n_groups=n_groups,
            )
        )
    for name, n in UNITS.items():
        found.append(Layer(name=f"{name}.weight", groups="elements", n_weights=n, n_groups=n))
    return tuple(found)


def density(layer: Layer, after: int, kappa: float, nu: float) -> float:
    """Make up what share of a layer's groups has entered."""
    growth = after / EPOCHS * (kappa / nu) ** 0.25
    return min(1.0, growth * 200 / (200 + layer.n_weights))


def path(network: str, kappa: float, nu: float, worth: float) -> InclusionReport:
    """Make up a path."""
    own = layers(network)
    epochs, norms = [], {layer.name: [] for layer in own}
    for after in range(1, EPOCHS + 1):
        entered = [
            max(int(after == EPOCHS), int(density(layer, after, kappa, nu) * layer.n_groups))
            for layer in own
        ]
        pairs = list(zip(own, entered, strict=True))
        for layer, n in pairs:
            drawn = inclusion.drawn(layer.n_groups)
            norms[layer.name].append(tuple(0.1 * after if g < n else 0.0 for g in drawn))
        full = worth - (EPOCHS - after)
        epochs.append(
            Epoch(
                n_nonzero=tuple(n * (layer.n_weights // layer.n_groups) for layer, n in pairs),
                n_entered=tuple(entered),
                full_validation=count(full, N_VALIDATION),
                full_test=count(full),
                sparse_validation=count(full - 2, N_VALIDATION),
                sparse_test=count(full - 2),
            )
        )
    first = None
    if own[0].groups == "filters":
        weights = np.linspace(-1, 1, own[0].n_weights).reshape(own[0].n_groups, -1)
        first = FirstFilters(
            layer=own[0].name,
            shape=(1, 3, 3),
            entered_at_step=tuple(
                None if number % 3 == 2 else 100 - number for number in range(own[0].n_groups)
            ),
            weights=tuple(map(tuple, weights.tolist())),
        )
    return InclusionReport(
        layers=own,
        epochs=tuple(epochs),
        paths=tuple(
            inclusion.Path(
                layer=layer.name,
                drawn=inclusion.drawn(layer.n_groups),
                norms=tuple(norms[layer.name]),
            )
            for layer in own
        ),
        first_filters=first,
    )


def ticket(network: str, mask: str, after: int | None) -> inclusion.TicketReport:
    """Make up what a mask left."""
    share = 1 if mask == "none" else 0.25
    return inclusion.TicketReport(
        path=f"{EARLY[network]}/path",
        mask=mask,
        n_epochs_of_path=after,
        layers=tuple(
            Masked(name=one.name, n_weights=one.n_weights, n_kept=int(share * one.n_weights))
            for one in layers(network)
        ),
    )


def costs() -> step_costs.CostReport:
    """Make up the costs of a step."""
    mib = 2**20
    state: dict[str, dict[str, int]] = {
        "sgd": {},
        "adam": {"exp_avg": mib, "exp_avg_sq": mib},
        "dessilbi_mom": {"moment": mib, "v": mib, "gamma": mib, "entered": mib // 2},
    }
    return step_costs.CostReport(
        batch_size=32,
        n_weight_bytes=mib,
        n_gradient_bytes=mib,
        n_activation_bytes=4 * mib,
        optimizers=tuple(
            step_costs.OptimizerBytes(name=name, state=own) for name, own in state.items()
        ),
    )


TIMES = """round,optimizer,step_s,update_s,extra_bytes
0,sgd,0.010,0.001,
0,adam,0.012,0.003,
0,dessilbi_mom,0.013,0.004,
1,adam,0.024,0.003,
1,dessilbi_mom,0.026,0.004,
1,sgd,0.020,0.001,
2,dessilbi_mom,0.013,0.004,
2,sgd,0.010,0.001,
2,adam,0.012,0.003,
"""
"""Content of a ``timing.csv``; the second round met something slow."""


def _inclusion(**options: Any) -> dict[str, Any]:
    defaults = {"name": "inclusion", "kappa": 1.0, "nu": 20.0, "lam": 1.0}
    defaults |= {"optimizer": "dessilbi", "linear_groups": "elements", "l1": 0.0, "padding": None}
    return defaults | options


def record(
    experiment: str,
    arm: str,
    seed: int,
    network: str,
    role: str,
    recipe: dict[str, Any],
    worth: float,
    measurements: dict[str, Any],
    *,
    trained: bool = True,
) -> Record:
    """Make up a run."""
    sgd = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.0001}
    training = {"epochs": EPOCHS, "batch_size": 32, "milestones": (6,)}
    config = made_up.config(
        experiment, arm, seed, recipe, sgd if trained else None, {"name": network}, **training
    )
    chosen = {"last": worth, "best_on_validation": worth, "best_on_test": worth + 1}
    n_parameters = sum(layer.n_weights for layer in layers(network))
    return made_up.record(
        config,
        data=made_up.data(role),
        network=NetworkFacts(name=network, n_parameters=n_parameters, full_size=False),
        selections=made_up.selections(chosen, EPOCHS - 1) if trained else (),
        measurements=measurements,
    )


def _path_run(
    experiment: str, arm: str, seed: int, network: str, role: str, worth: float, **options: Any
) -> Record:
    recipe = _inclusion(**options)
    own = path(network, recipe["kappa"], recipe["nu"], worth + seed / 10)
    measurements = {inclusion.KEY: own.model_dump(mode="json")}
    return record(experiment, arm, seed, network, role, recipe, worth + seed / 10, measurements)


def records(seed: int = 0) -> list[Record]:
    """Make up one run of every arm."""
    found = []
    for experiment, network, role in (
        (MNIST, "lenet5_6_16_120", "mnist"),
        (CIFAR10, "resnet20", "cifar10"),
    ):
        for number, arm in enumerate(folders.about("dessilbi").arms):
            worth = 70.0 + number
            if arm.startswith("dessilbi"):
                found.append(_path_run(experiment, arm, seed, network, role, worth))
            else:
                recipe = _inclusion(optimizer=arm)
                found.append(
                    record(experiment, arm, seed, network, role, recipe, worth + seed / 10, {})
                )
    for network, experiment in TUNED.items():
        base = {"kappa": 1.0, "nu": 100.0}
        varied = {"base": {}, "kappa2": {"kappa": 2.0}, "kappa5": {"kappa": 5.0}}
        varied |= {"nu10": {"nu": 10.0}, "nu1000": {"nu": 1000.0}}
        for number, (arm, options) in enumerate(varied.items()):
            where = experiment, arm, seed, network, "cifar10"
            found.append(_path_run(*where, 80.0 - number, **base | options))
    for experiment in LAYERS:
        network = experiment.removeprefix("dessilbi_")
        role = "mnist" if network == "lenet3" else "cifar10"
        found.append(_path_run(experiment, "path", seed, network, role, 90))
    for network, experiment in EARLY.items():
        options = {"lam": 0.1, "nu": 100.0, "name": "inclusion_masks", "after": (2,)}
        where = experiment, "path", seed, network, "cifar10"
        found.append(_path_run(*where, 78, **options))
        for arm, mask, worth in (
            ("dense", "none", 80.0),
            ("ticket", "support", 79.0),
            ("random", "random", 70.0),
        ):
            after = None if mask == "none" else 2
            recipe = {"name": "ticket", "start": f"{experiment}/path", "mask": mask}
            recipe |= {"after": after, "padding": 4}
            report = ticket(network, mask, after).model_dump(mode="json")
            where = TICKETS[network], arm, seed, network, "cifar10"
            found.append(record(*where, recipe, worth + seed / 10, {inclusion.TICKET: report}))
    recipe = {"name": "optimizer_cost", "batch_size": 32}
    measurements = {step_costs.KEY: costs().model_dump(mode="json")}
    found.append(
        record(COST, "vgg16", seed, "vgg16", "cifar10", recipe, 0, measurements, trained=False)
    )
    return found


def inputs(
    seeds: Iterable[int] = (0,),
    *,
    only: Callable[[Record], bool] = lambda _: True,
    folder: Path = made_up.NOWHERE,
) -> Inputs:
    """Make up what tables and figures read."""
    return made_up.inputs((one for seed in seeds for one in records(seed) if only(one)), folder)


def write_times(folder: Path, seed: int = 0) -> None:
    """Write the times of a made-up measurement of costs."""
    place = folder / COST / "vgg16" / f"seed{seed}"
    place.mkdir(parents=True)
    (place / step_costs.TIMING).write_text(TIMES, encoding="utf-8")
