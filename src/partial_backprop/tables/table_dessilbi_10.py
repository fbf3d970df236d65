"""Hyperparameters of the experiment with tickets, read from its records (seed 004, table 10)."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from partial_backprop.frames import inclusion_arms
from partial_backprop.frames.inclusion_arms import EARLY, TICKETS
from partial_backprop.inputs import Inputs, Run
from partial_backprop.tables import dessilbi_rows, layout
from partial_backprop.tables.layout import Cell, Row, Table

TICKET = "ticket"
"""Arm that is trained under the support of Γ."""


def _training(*names: str) -> Callable[[Run], Any]:
    def read(run: Run) -> Any:
        value: Any = run.record.config.training
        for name in names:
            value = getattr(value, name)
        return value

    return read


def _recipe(name: str) -> Callable[[Run], Any]:
    return lambda run: run.record.config.recipe.get(name)


def _yes(name: str) -> Callable[[Run], str]:
    return lambda run: "yes" if run.record.config.recipe.get(name) else "no"


def _norm(run: Run) -> str:
    return "‖V‖/√|g|" if run.record.config.recipe.get("scaled_norm") else "‖V‖"


def _schedule(run: Run) -> str:
    training = run.record.config.training
    if not training.milestones:
        return "constant"
    return f"× {training.decay:g} after {', '.join(map(str, training.milestones))}"


_BOTH = {
    "epochs": _training("epochs"),
    "batch size": _training("batch_size"),
    "learning rate": _training("optimizer", "learning_rate"),
    "its schedule": _schedule,
    "momentum": _training("optimizer", "momentum"),
    "weight decay": _training("optimizer", "weight_decay"),
    "shift of crops (pixels)": _recipe("padding"),
}
LINES: dict[str, dict[str, Callable[[Run], Any]]] = {
    "path": {
        "κ": _recipe("kappa"),
        "ν": _recipe("nu"),
        "λ": _recipe("lam"),
        "length of a group": _norm,
        "groups of linear layers": _recipe("linear_groups"),
        "λ of linear layers, if another": _recipe("linear_lam"),
        "Nesterov's momentum": _yes("nesterov"),
        "decay of normalisations": _yes("decay_norms"),
    }
    | _BOTH,
    "ticket": {
        "mask after epochs": _recipe("after"),
        "weights without a mask": _recipe("whole"),
    }
    | _BOTH,
}
"""Training -> hyperparameter -> how it is read from a run."""

PARTS = {
    "path": "DessiLBI, for the path and its masks",
    "ticket": "Training under a mask, or without, from the path's initial weights",
}


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of the paths that are stopped early, and of what is trained under their masks.

    Returns
    -------
    Table
        One line a hyperparameter, one column a network: first of the path, then of the training
        under its mask.

    References
    ----------
    Seed 004, table 10, and figure 5, whose experiment it describes.
    """
    runs = {"path": _by_network(inputs, EARLY), "ticket": _by_network(inputs, TICKETS, TICKET)}
    rows, body = [], []
    for part, lines in LINES.items():
        heading = Cell(PARTS[part], 1 + len(EARLY), "l")
        body.append(Row((heading,), rule_above=bool(body)))
        for name, read in lines.items():
            told = [_text(runs[part].get(network), read) for network in EARLY]
            rows += [
                {"training": part, "hyperparameter": name, "network": network, "value": text}
                for network, text in zip(EARLY, told, strict=True)
            ]
            body.append(Row((name, *told)))
    header = (Row(("", *map(inclusion_arms.title, EARLY))),)
    columns = "l" + "r" * len(EARLY)
    notes = (
        dessilbi_rows.ran(inputs, "The experiment of figure 5", *EARLY.values(), *TICKETS.values()),
        "Read from the configurations in the records.",
        dessilbi_rows.source(inputs, 10),
    )
    return Table(pd.DataFrame(rows), columns, header, tuple(body), notes)


def _by_network(
    inputs: Inputs, experiments: dict[str, str], arm: str | None = None
) -> dict[str, Run]:
    """Find a run of each network; all seeds have one configuration."""
    found = {}
    for network, experiment in experiments.items():
        for run in inclusion_arms.of(inputs.runs, experiment):
            if arm in (None, run.record.arm):
                found.setdefault(network, run)
    return found


def _text(run: Run | None, read: Callable[[Run], Any]) -> str:
    if run is None:
        return layout.NOT_RUN
    value = read(run)
    if value is None or value in ([], ()):
        return layout.NONE
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
