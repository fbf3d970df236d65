"""What speed and memory are, beside what was aimed at."""

from typing import Any

from partial_backprop.performance import COMMAND, FOLDER, TITLES, Machine, Performance, Quantity
from partial_backprop.report import layout
from partial_backprop.report.layout import Cell
from partial_backprop.report.tables import Context
from partial_backprop.table_entries import Group

WIDTH = 5


def groups(context: Context) -> list[Group]:
    """Make a group for each benchmark; of ratios the CSV has the seconds that were divided."""
    found = [
        Group(
            title=_title(one),
            italic=False,
            rows=tuple(
                {"cells": _cells(q), "csv": _values(one, q), "rule": False} for q in one.quantities
            ),
        )
        for one in sorted(context.inputs.performance, key=_place)
        if one.quantities
    ]
    nothing = {"cells": (Cell(f"{layout.NOT_RUN}: {COMMAND}", WIDTH, "l"),)}
    return found or [Group(rows=(nothing,))]


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
    median = f"{layout.significant(value.median, 3)} {quantity.unit}"
    return quantity.title, median, layout.NONE if single else ends, wanted, met


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


def words(context: Context) -> dict[str, str | None]:
    """Return the machines, how busy they were, and the command."""
    found = sorted(context.inputs.performance, key=_place)
    machines: dict[str, list[str]] = {}
    for one in found:
        machines.setdefault(_machine(one.machine), []).append(_title(one))
    told = "; ".join(f"{', '.join(names)}: {machine}" for machine, names in machines.items())
    return {
        "machines": told or None,
        "loads": ", ".join(f"{one.machine.load:g}" for one in found) or None,
        "command": COMMAND,
        "unmeasured": None if found else FOLDER.as_posix(),
    }
