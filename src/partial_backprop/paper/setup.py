"""What ran: a line for each experiment, beside the source's own terms, and the machines."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from partial_backprop import labels
from partial_backprop.inputs import Inputs, Run
from partial_backprop.record import DataFacts, NetworkFacts
from partial_backprop.report.claims import Condition


class Setup(NamedTuple):
    """The runs of one experiment."""

    experiment: str
    title: str
    network: NetworkFacts | None
    data: DataFacts | None
    data_name: str
    """In print."""
    epochs: tuple[int, ...]
    """Each number of epochs that some run has, in order; likewise the next two."""
    batch_sizes: tuple[int, ...]
    """In images."""
    learning_rates: tuple[float, ...]
    """At the start."""
    n_arms: int
    n_seeds: int
    source: Condition
    """The source's own terms."""
    stands_for: str
    """Printed name of the data set whose part the data play; empty where they play their own."""


def _each(runs: Sequence[Run], value: Callable[[Run], Any]) -> tuple[Any, ...]:
    found = {value(run) for run in runs if run.record.config.training is not None and run.epochs}
    return tuple(sorted(found))


def stands_for(data: DataFacts | None) -> str:
    """Name the data set that another one plays the part of."""
    if data is None or data.name.lower().startswith(data.role):
        return ""
    return labels.data(data.role)


def _one(experiment: str, runs: Sequence[Run], source: Condition) -> Setup:
    first = runs[0].record
    return Setup(
        experiment,
        labels.experiment(experiment),
        next((run.record.network for run in runs if run.record.network), None),
        first.data,
        labels.data(first.data.name) if first.data else "",
        _each(runs, lambda run: run.epochs),
        _each(runs, lambda run: run.record.config.training.batch_size),
        _each(runs, lambda run: run.record.config.training.optimizer.learning_rate),
        len({run.record.arm for run in runs}),
        len({run.record.seed for run in runs}),
        source,
        stands_for(first.data),
    )


def setups(inputs: Inputs, terms: dict[str, Condition]) -> list[Setup]:
    """Describe the experiments that ran."""
    runs: dict[str, list[Run]] = {}
    for run in inputs.runs:
        runs.setdefault(run.record.experiment, []).append(run)
    ordered = in_order(runs)
    return [_one(name, runs[name], terms.get(name, Condition())) for name in ordered]


def in_order(experiments: Iterable[str]) -> list[str]:
    """Sort experiments as the paper has them."""
    known = list(labels.experiments())
    return sorted(experiments, key=lambda e: (known.index(e) if e in known else len(known), e))


class Machine(NamedTuple):
    """Where some runs were made."""

    device: str
    threads: int
    """Of one run."""
    system: str
    packages: tuple[str, ...]
    n_runs: int


def machines(inputs: Inputs) -> list[Machine]:
    """List the distinct machines and environments of the runs."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for run in inputs.runs:
        made = run.record.provenance
        packages = {"Python": made.python, "partial_backprop": made.version, **made.packages}
        versions = tuple(f"{name} {version}" for name, version in packages.items())
        counts[made.device, made.threads, made.platform, versions] += 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Machine(*machine, count) for machine, count in ranked]
