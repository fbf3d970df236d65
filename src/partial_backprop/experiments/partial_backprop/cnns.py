"""The four networks of pb2020, section 4.1: their names, and what ran of them."""

from partial_backprop import folders
from partial_backprop.facts import Facts, of_runs
from partial_backprop.inputs import Inputs

AS_IN_SOURCE = {"lenet5_mnist": "lenet5_mnist_60000"}
"""Experiment of `CNNS` -> the one that has the source's split too, which stands in its place where it ran."""

_ABOUT = folders.about("partial_backprop")

CNNS = {
    name: title for name, title in _ABOUT.experiments.items() if name not in AS_IN_SOURCE.values()
}
"""Experiments in the order of its Table 1 -> name of the network."""

ARMS = _ABOUT.arms
"""Arms in the order in which they are printed."""


def cnns(inputs: Inputs) -> dict[str, Facts | None]:
    """Collect the facts of pb2020's four networks."""
    return {name: of_runs(name, title, inputs.runs) for name, title in CNNS.items()}


def as_in_source(inputs: Inputs) -> dict[str, Facts | None]:
    """Collect the facts of the four networks, each by the experiment that is closest to the source."""
    ran = {(run.record.experiment, run.record.arm, run.record.seed) for run in inputs.runs}

    def n_pairs(experiment: str | None) -> int:
        return sum(
            (experiment, "pb", seed) in ran
            for e, arm, seed in ran
            if (e, arm) == (experiment, "fb")
        )

    found = {}
    for name, title in CNNS.items():
        other = AS_IN_SOURCE.get(name)
        chosen = other if 0 < n_pairs(other) >= n_pairs(name) else name
        found[chosen] = of_runs(chosen, title, inputs.runs)
    return found


def all_cnns(inputs: Inputs) -> dict[str, Facts | None]:
    """Collect the facts of the four networks, and of the experiments of `AS_IN_SOURCE` that ran."""
    more = {other: of_runs(other, CNNS[name], inputs.runs) for name, other in AS_IN_SOURCE.items()}
    return cnns(inputs) | {name: facts for name, facts in more.items() if facts is not None}
