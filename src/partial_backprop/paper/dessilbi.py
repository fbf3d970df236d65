"""What the article says of DessiLBI (seed 004): what ran, how it compares, what it costs."""

import pandas as pd

from partial_backprop import labels
from partial_backprop.facts import of_runs
from partial_backprop.facts import sentences as told
from partial_backprop.frames import cost_arms, inclusion_arms, inclusion_frames
from partial_backprop.frames.aggregate import by_seed, runs_frame
from partial_backprop.frames.inclusion_arms import (
    CIFAR10,
    COST,
    EARLY,
    IMAGENET,
    LAYERS,
    MNIST,
    TICKETS,
    TUNED,
)
from partial_backprop.inputs import Inputs, Run
from partial_backprop.measurements import inclusion, step_costs
from partial_backprop.paper import dessilbi_layers, dessilbi_paths, dessilbi_tickets
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.dessilbi_words import learned
from partial_backprop.paper.lab_words import compared
from partial_backprop.paper.numbers import decimal, integer, listing, percent
from partial_backprop.paper.text import Tex, escape

_TABLES = {
    "the optimizers on MNIST": (MNIST,),
    "the optimizers on CIFAR-10": (CIFAR10,),
    "the optimizers on ImageNet": (IMAGENET,),
    **{
        rf"$\kappa$ and $\nu$ of {inclusion_arms.title(network)}": (experiment,)
        for network, experiment in TUNED.items()
    },
    "the cost of a step": (COST,),
    **{f"the layers of {title}": (experiment,) for experiment, title in LAYERS.items()},
    **{
        f"tickets of {inclusion_arms.title(network)}": (EARLY[network], TICKETS[network])
        for network in TICKETS
    },
}
"""What the ten tables are about -> experiments."""

EXPERIMENTS = tuple(experiment for group in _TABLES.values() for experiment in group)
"""All experiments of seed 004."""


def sentences(inputs: Inputs) -> dict[str, Tex]:
    """Say what was measured of DessiLBI.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments, and printed numbers.

    Returns
    -------
    dict
        Topic -> one or more sentences; ``ran`` is empty where nothing ran.
    """
    frame = runs_frame(inclusion_arms.of(inputs.runs, MNIST, CIFAR10))
    return {
        "ran": _ran(inputs),
        "absent": _absent(inputs),
        "coupling": _coupling(inputs),
        "drawn": integer(inclusion.MAX_DRAWN),
        "rivals": Tex(" ".join(_rivals(inputs, frame, name) for name in (MNIST, CIFAR10))),
        "cost": _cost(inputs),
        **dessilbi_paths.sentences(inputs),
        **dessilbi_layers.sentences(inputs),
        **dessilbi_tickets.sentences(inputs),
    }


def _ran(inputs: Inputs) -> Tex:
    facts = {}
    for experiment in EXPERIMENTS:
        own = [run for run in inclusion_arms.of(inputs.runs, experiment) if _is_training(run)]
        if own:
            one = of_runs(experiment, inclusion_arms.title(own[0].record.network.name), own)
            facts.setdefault((one.who(), one.how()), one)
    return escape(" ".join(told(facts.values())))


def _is_training(run: Run) -> bool:
    return run.record.config.training is not None


def _absent(inputs: Inputs) -> Tex:
    there = {run.record.experiment for run in inputs.runs}
    missing = [Tex(what) for what, group in _TABLES.items() if not there.intersection(group)]
    return Tex(f"Not run at this scale: {listing(missing)}.") if missing else Tex("")


def _coupling(inputs: Inputs) -> Tex:
    """List λ, which with ν says how soon groups enter."""
    found: dict[str, list[Tex]] = {}
    for what, group in _TABLES.items():
        for run, _ in inclusion_arms.reports(inclusion_arms.of(inputs.runs, *group)):
            names = found.setdefault(decimal(run.record.config.recipe["lam"]), [])
            if Tex(what) not in names:
                names.append(Tex(what))
    if len(found) == 1:
        return Tex(rf"$\lambda$ is {next(iter(found))} throughout.")
    items = [Tex(f"{value} ({listing(names)})") for value, names in found.items()]
    return Tex(rf"$\lambda$ is {listing(items)}.") if items else Tex("")


def _rivals(inputs: Inputs, frame: pd.DataFrame, experiment: str) -> Tex:
    last = {
        arm: by_seed(frame, experiment, arm, "test_accuracy_percent") for arm in labels.OPTIMIZERS
    }
    means = {arm: float(values.mean()) for arm, values in last.items() if len(values)}
    if not means:
        role = {MNIST: "MNIST", CIFAR10: "CIFAR-10"}[experiment]
        return Tex(f"The optimizers on {role} were {NOT_RUN} at this scale.")
    run = inclusion_arms.of(inputs.runs, experiment)[0].record
    where = f"{inclusion_arms.title(run.network.name)} on {labels.data(run.data.name)}"
    order = sorted(means, key=means.__getitem__)
    low, high = (
        Tex(f"{percent(means[arm])} ({escape(labels.OPTIMIZERS[arm])})")
        for arm in (order[0], order[-1])
    )
    judged = compared(
        last["dessilbi_mom_wd"],
        last["sgd_mom_wd"],
        ("DessiLBI with momentum and decay", "SGD with both"),
        run.data.n_test,
    )
    failed = [
        escape(labels.OPTIMIZERS[arm])
        for arm, values in last.items()
        if len(values) and not learned(values, 100 / run.data.n_classes)
    ]
    chance = (
        f" No more than twice the accuracy of guessing {'has' if len(failed) == 1 else 'have'} "
        f"{listing(failed)}."
        if failed
        else ""
    )
    sparse = _sparse(inputs, experiment)
    return Tex(
        f"For {escape(where)} accuracies at the last epoch go from {low} to {high}.{chance} "
        f"{judged}{sparse}"
    )


def _sparse(inputs: Inputs, experiment: str) -> Tex:
    found = inclusion_frames.epochs(inclusion_arms.of(inputs.runs, experiment))
    own = inclusion_frames.chosen(found[found["arm"].eq("dessilbi_mom_wd")], "full", "last")
    if own.empty:
        return Tex("")
    return Tex(
        f" Its support has {percent(own['density_percent'].mean())} of the weights; the network without "
        f"the others has {percent(own['sparse_test_percent'].mean())}, where the full one has "
        f"{percent(own['full_test_percent'].mean())}."
    )


def _cost(inputs: Inputs) -> Tex:
    items = []
    for run in cost_arms.first_seeds(inputs.runs):
        state = {one.name: one.n_state_bytes() for one in step_costs.of(run.record).optimizers}
        times = cost_arms.medians(run)
        name = "dessilbi_mom" if "dessilbi_mom" in state else "dessilbi"
        if not (name in state and name in times and "sgd" in times):
            continue
        network = escape(inclusion_arms.title(run.record.network.name))
        against = (
            f" (Adam's: {decimal(times['adam']['times_sgd'], 2)} times)" if "adam" in times else ""
        )
        weights = 4 * run.record.network.n_parameters
        items.append(
            Tex(
                f"for {network} a step of {escape(labels.OPTIMIZERS[name])} takes "
                f"{decimal(times[name]['times_sgd'], 2)} times as long as one of plain SGD{against}, and its "
                f"state takes {decimal(state[name] / weights, 1)} times the memory of the "
                f"{integer(run.record.network.n_parameters)} parameters"
            )
        )
    if not items:
        return Tex(f"The cost of a step was {NOT_RUN} at this scale.")
    text = listing(items)
    return Tex(f"{text[:1].upper()}{text[1:]}.")
