"""Groups and words of the tables on pb2020's four networks."""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from partial_backprop import facts, labels
from partial_backprop.experiments.partial_backprop import cnns
from partial_backprop.facts import Facts
from partial_backprop.inputs import Inputs
from partial_backprop.report import layout
from partial_backprop.report.frame import select
from partial_backprop.report.tables import Context
from partial_backprop.table_entries import Group

Fields = dict[str, Any]
STABLE = "pb"
"""Arm whose masks are compared."""


def lowest_seed(inputs: Inputs) -> Inputs:
    """Keep the lowest seed that both FB and PB have; where none has both, the lowest of all."""
    chosen = {}
    for experiment in (*cnns.CNNS, *cnns.AS_IN_SOURCE.values()):
        seeds: dict[str, set[int]] = {}
        for run in inputs.runs:
            if run.record.experiment == experiment:
                seeds.setdefault(run.record.arm, set()).add(run.record.seed)
        both = seeds.get("fb", set()) & seeds.get("pb", set())
        candidates = both or set().union(*seeds.values())
        if candidates:
            chosen[experiment] = min(candidates)
    runs = (run for run in inputs.runs if chosen.get(run.record.experiment) == run.record.seed)
    samples = (one for one in inputs.gradients if chosen.get(one.experiment) == one.seed)
    return dataclasses.replace(inputs, runs=tuple(runs), gradients=tuple(samples))


def compared(context: Context, table: str) -> list[Group]:
    """Make a group for each network: what ran, two epochs, and the source's numbers."""
    groups = []
    for experiment, ran in cnns.as_in_source(context.inputs).items():
        entry = context.inputs.reported.entry("001", f"{table}.{_network(experiment)}")
        printed = {"data": entry.data, "place": entry.place, "line": entry.line, **entry.values}
        shared = {"experiment": experiment, "status": "run" if ran else layout.NOT_RUN}
        shared |= {f"reported_{key}": value for key, value in printed.items()} | _facts(ran)
        blank = ("tweaked", "otsu", "frozen")  # the same on both lines
        rows = [
            {"name": labels.RULES[stage], "at": {"stage": stage}, "csv": {"rule": rule},
             "hidden": ran is None, "blank": blank if number else ()}
            for number, (rule, stage) in enumerate(
                {"paper_protocol": "best_on_test", "last": "last"}.items())
        ]  # fmt: skip
        rows.append({"cells": _printed(entry.data, entry.values), "italic": True, "rule": False})
        title = ran.where() if ran else f"{labels.experiment(experiment)}: {layout.NOT_RUN}"
        at = {"experiment": experiment}
        groups.append(Group(title=title, italic=False, at=at, csv=shared, rows=tuple(rows)))
    return groups


def _network(experiment: str) -> str:
    return {other: name for name, other in cnns.AS_IN_SOURCE.items()}.get(experiment, experiment)


def _facts(ran: Facts | None) -> Fields:
    if ran is None:
        return {}
    fields = ran.network.model_dump() | {"current": ran.current, "epochs": ran.epochs}
    fields |= {"data": ran.data.name, "schedule": ran.schedule()}
    return fields | ran.data.model_dump(include={"n_train", "n_validation", "n_test"})


def _printed(data: str, values: dict[str, float]) -> tuple[str, ...]:
    fb, pb = values["fb_accuracy_percent"], values["pb_accuracy_percent"]
    numbers = (values["threshold"], math.nan, values["frozen_percent"], fb, pb, pb - fb, math.nan)
    return (f"printed, on {data}", *map(layout.number, numbers))


def threshold(context: Context, _: Fields, which: str) -> tuple[str, Fields]:
    """Show a threshold over seeds, from the gradient samples where its arm did not run."""
    values = select(context.results.frame, "threshold_paper", **({"layer": None} | context.where))
    if not len(values):
        samples = [
            one for one in context.inputs.gradients if one.experiment == context.where["experiment"]
        ]
        values = pd.Series(
            [getattr(one.density, which) / one.learning_rate for one in samples], dtype=float
        )
    ends = {part: getattr(values, part)() for part in ("mean", "min", "max")}
    return layout.between(values), {f"threshold_{which}_{part}": ends[part] for part in ends}


def words(context: Context) -> dict[str, str | None]:
    """Return what ran, and where the source prints its numbers."""
    found = cnns.as_in_source(context.inputs)
    table = "table_1" if context.entry.inputs else "table_2"
    names = (f"{table}.{_network(experiment)}" for experiment in found)
    entries = [context.inputs.reported.entry("001", name) for name in names]
    return {
        "ran": ran(context.inputs, found.values()),
        "place": entries[0].place,
        "lines": facts.numbered("line", (entry.line for entry in entries)),
    }


def ran(inputs: Inputs, found: Iterable[Facts | None]) -> str:
    """Say of which scale the runs are, and what ran."""
    return f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {' '.join(facts.sentences(found))}"


def _arms(context: Context, experiment: str) -> list[str]:
    """Arms that ran, the known ones in their order, then any other."""
    own = {run.record.arm for run in context.results.runs if run.record.experiment == experiment}
    return [arm for arm in cnns.ARMS if arm in own] + sorted(own - set(cnns.ARMS))


def arms(context: Context) -> list[Group]:
    """Make a group for each network, with the arms that ran."""
    return [
        Group(
            title=found.where() if found else labels.experiment(experiment),
            at={"experiment": experiment},
            csv={"experiment": experiment},
            rows=tuple(
                {"name": labels.arm(arm), "at": {"arm": arm}, "csv": {"arm": arm, "status": "run"}}
                for arm in _arms(context, experiment)
            ),
            not_run={"status": layout.NOT_RUN},
        )
        for experiment, found in cnns.all_cnns(context.inputs).items()
    ]


def arm_words(context: Context) -> dict[str, str | None]:
    """Return what ran, the arms that did not, and the natural zeros that the source prints."""
    found = cnns.all_cnns(context.inputs)
    present = {arm for experiment in found for arm in _arms(context, experiment)}
    zeros = (
        f"{cnns.CNNS[name]} {layout.number(_zeros(context, name), 1)} %"
        for name in ("vgg19_cifar10", "lenet5_mnist")
    )
    return {
        "ran": ran(context.inputs, found.values()),
        "absent": "; ".join(name for arm, name in cnns.ARMS.items() if arm not in present),
        "zeros": " and ".join(zeros),
    }


def _zeros(context: Context, network: str) -> float:
    entry = context.inputs.reported.entry("001", f"natural_zeros.{network}")
    return entry.values["natural_zeros_percent"]


def batches(context: Context) -> list[Group]:
    """Make a group for each network, with the sizes of the batches that made other masks."""
    groups = []
    for experiment, found in cnns.all_cnns(context.inputs).items():
        sizes = _sizes(context, experiment)
        status = layout.NOT_MEASURED if found else layout.NOT_RUN
        title = found.where() if sizes else f"{labels.experiment(experiment)}: {status}"
        shared = {"experiment": experiment, "status": "run" if sizes else status, "arm": None}
        rows = tuple({"at": {"batch_size": size}, "csv": {"arm": STABLE}} for size in sizes)
        hidden = ({"cells": (), "csv": {}, "hidden": True},)
        groups.append(
            Group(title=title, at={"experiment": experiment}, csv=shared, rows=rows or hidden)
        )
    return groups


def _sizes(context: Context, experiment: str) -> list[int]:
    frame = context.results.frame
    own = frame[frame["experiment"].eq(experiment) & frame["arm"].eq(STABLE)]
    return sorted({int(size) for size in own["batch_size"].dropna()})


def batch_words(context: Context) -> dict[str, str | None]:
    """Return what ran and has such masks."""
    found = cnns.all_cnns(context.inputs)
    measured = [one for experiment, one in found.items() if _sizes(context, experiment)]
    return {"ran": ran(context.inputs, measured)}
