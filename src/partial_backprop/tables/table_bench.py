"""What speed and memory are, beside what was aimed at."""

from typing import Any

import pandas as pd

from partial_backprop.inputs import Inputs
from partial_backprop.performance import (
    COMMAND,
    FOLDER,
    TITLES,
    Machine,
    Performance,
    Quantity,
)
from partial_backprop.tables import layout
from partial_backprop.tables.layout import Cell, Row, Table

COLUMNS = "lrrrl"
HEADER = (Row(("Measured", "Median", "Quartiles", "Goal", "")),)


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        What benchmarks found.

    Returns
    -------
    Table
        One line a quantity, in the order in which the benchmarks are printed; of ratios the CSV has
        the seconds that were divided.
    """
    found = sorted(inputs.performance, key=_place)
    rows = [_values(one, quantity) for one in found for quantity in one.quantities]
    body: list[Row] = []
    for one in (one for one in found if one.quantities):
        body.append(Row((Cell(_title(one), len(COLUMNS), "l"),), rule_above=bool(body)))
        body += [Row(_cells(quantity)) for quantity in one.quantities]
    if not body:
        body = [Row((Cell(f"{layout.NOT_RUN}: {COMMAND}", len(COLUMNS), "l"),))]
    frame = pd.DataFrame(rows, columns=None if rows else ["benchmark", "quantity"])
    return Table(frame, COLUMNS, HEADER, tuple(body), _notes(found))


def _place(found: Performance) -> tuple[int, str]:
    order = list(TITLES)
    return (order.index(found.name) if found.name in order else len(order), found.name)


def _title(found: Performance) -> str:
    return TITLES.get(found.name, found.name) + (" (cut short)" if found.quick else "")


def _values(found: Performance, quantity: Quantity) -> dict[str, Any]:
    goal = quantity.goal
    values = {
        "benchmark": found.name,
        "quantity": quantity.name,
        "unit": quantity.unit,
        "low": quantity.value.low,
        "median": quantity.value.median,
        "high": quantity.value.high,
        "n": quantity.value.n,
        "goal": goal.value if goal else float("nan"),
        "goal_is": ("at least" if goal.at_least else "at most") if goal else "",
        "met": goal.is_met(quantity.value.median) if goal else None,
    }
    parts = {name: spread.median for name, spread in quantity.parts.items()}
    values["parts_s"] = " ".join(f"{name.replace(' ', '_')}:{one:g}" for name, one in parts.items())
    return values


def _cells(quantity: Quantity) -> tuple[str, ...]:
    value, goal = quantity.value, quantity.goal
    single = value.low == value.high
    ends = f"{layout.significant(value.low)} to {layout.significant(value.high)}"
    wanted, met = layout.NONE, ""
    if goal is not None:
        sign = "≥" if goal.at_least else "≤"
        wanted = f"{sign} {layout.significant(goal.value)}"
        met = "met" if goal.is_met(value.median) else "missed"
    return (
        quantity.title,
        f"{layout.significant(value.median, 3)} {quantity.unit}",
        layout.NONE if single else ends,
        wanted,
        met,
    )


def _machine(machine: Machine) -> str:
    packages = ", ".join(
        f"{name} {machine.packages[name]}"
        for name in ("torch", "numpy")
        if name in machine.packages
    )
    return (
        f"{machine.device}, {machine.n_cores} cores, {machine.memory_gib:g} GiB, "
        f"{machine.threads_in_words}, Python {machine.python}, {packages}"
    )


def _notes(found: list[Performance]) -> tuple[str, ...]:
    if not found:
        return (f"Nothing was measured here: {COMMAND} measures and writes {FOLDER.as_posix()}.",)
    machines: dict[str, list[str]] = {}
    for one in found:
        machines.setdefault(_machine(one.machine), []).append(_title(one))
    loads = ", ".join(f"{one.machine.load:g}" for one in found)
    told = "; ".join(f"{', '.join(names)}: {machine}" for machine, names in machines.items())
    return (
        "Medians and quartiles. Ratios (×) are of two ways that ran in turn, round by round, so that "
        "other work on the machine counts for both; seconds and memory are of this machine alone.",
        f"{told}. Cores that other work kept busy: {loads}. Command: {COMMAND}.",
    )
