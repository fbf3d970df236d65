"""From records of DessiLBI and its competitors to tidy frames (seed 004)."""

from collections.abc import Iterable

from partial_backprop import folders
from partial_backprop.experiments.dessilbi import results as inclusion
from partial_backprop.experiments.dessilbi.results import InclusionReport
from partial_backprop.inputs import Run
from partial_backprop.reported import Reported

SEED = "004"

MNIST, CIFAR10, IMAGENET = "dessilbi_mnist", "dessilbi_cifar10", "dessilbi_imagenet"
"""Experiments of table 1: all arms of `OPTIMIZERS` on one data set."""

TUNED = {"vgg16": "dessilbi_vgg16", "resnet56": "dessilbi_resnet56"}
"""Networks of tables 2 to 5 -> their experiments: an arm a value of κ or ν, and `BASE`."""

BASE = "base"
"""Arm from which the others of `TUNED` differ in one value."""

EARLY = {"vgg16": "dessilbi_early_vgg16", "resnet56": "dessilbi_early_resnet56"}
TICKETS = {"vgg16": "dessilbi_ticket_vgg16", "resnet56": "dessilbi_ticket_resnet56"}
"""Networks of table 10 and figure 5 -> the paths that are stopped early, and what is trained under
their masks."""

LAYERS = {"dessilbi_lenet3": "LeNet-3", "dessilbi_conv2": "Conv-2", "dessilbi_conv4": "Conv-4"}
"""Those of tables 7, 8 and 9 -> network in print."""

COST = "dessilbi_cost"
"""That of table 6."""

NETWORKS = folders.about("dessilbi").networks
"""Module in ``networks`` -> name in print."""


def reports(runs: Iterable[Run]) -> list[tuple[Run, InclusionReport]]:
    """Find the runs that have an inclusion path, with their reports."""
    return [
        (run, inclusion.of(run.record)) for run in runs if inclusion.KEY in run.record.measurements
    ]


def of(runs: Iterable[Run], *experiments: str) -> list[Run]:
    """Choose the runs of some experiments."""
    return [run for run in runs if run.record.experiment in experiments]


def title(network: str) -> str:
    """Return the printed name of a network."""
    return NETWORKS.get(network, network)


def layer_titles(report: InclusionReport) -> list[str]:
    """Name the layers of a path as the source does."""
    numbers = {"Conv": 0, "FC": 0}
    names = []
    for layer in report.layers:
        kind = "Conv" if layer.groups == "filters" else "FC"
        numbers[kind] += 1
        names.append(f"{kind}{numbers[kind]}")
    return names


def printed_layer(reported: Reported, table: int, layer: str) -> tuple[float, float]:
    """Return what the source prints of a layer."""
    name = f"table_{table}.{layer.lower()}"
    if name not in reported.documents[SEED].entries:
        return float("nan"), float("nan")
    values = reported.entry(SEED, name).values
    # One share is printed without its point.
    share = values["density"] if "density" in values else values["density_thousandths"] / 1000
    return share, values["n_weights"]
