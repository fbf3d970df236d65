"""Rows, cells and words of the tables of DessiLBI (dessilbi2020)."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from partial_backprop import facts, labels
from partial_backprop.experiments.dessilbi import paths, step_costs
from partial_backprop.inputs import Run
from partial_backprop.report import layout
from partial_backprop.report.frame import select
from partial_backprop.report.layout import Cell
from partial_backprop.report.tables import Context
from partial_backprop.table_entries import Group

Fields = dict[str, Any]
SIGNS = {"kappa": "κ", "nu": "ν"}
TICKET = "ticket"
"""Arm that is trained under the support of Γ."""
NONE_YET = "none yet"
"""Stands for the density of a layer that no group of Γ has entered: it is none of a sparse layer."""
COMMAND = "python -m partial_backprop train dessilbi_imagenet ARM 0 --scale full --out FOLDER"


def number(_: Context, table: int) -> str:
    """Return the number of the source's table."""
    return str(table)


def data_words(context: Context) -> dict[str, str | None]:
    """Return the data sets that ran, and the command for ImageNet where it did not."""
    found = {}
    for experiment, name in (("mnist", "MNIST"), ("cifar10", "CIFAR-10")):
        own = [
            run for run in context.results.runs if run.record.experiment == f"dessilbi_{experiment}"
        ]
        names = {labels.data(run.record.data.name) for run in own}
        found[experiment] = ", ".join(sorted(names)) or name
    imagenet = any(run.record.experiment == "dessilbi_imagenet" for run in context.results.runs)
    return found | {"command": None if imagenet else COMMAND}


def varied(context: Context, which: str) -> list[Group]:
    """Make a group for each network, with the paths that differ in one hyperparameter only."""
    width = sum(column.span for column in context.entry.columns if column.head is not None)
    groups = []
    for network, experiment in paths.TUNED.items():
        title = labels.network(network)
        found = paths.varied(context.results.frame, which, experiment)
        rows: list[Fields] = [
            {
                "title": "" if position else title,
                "value": f"{value:g}",
                "number": value,
                "network": network,
                "at": {"arm": arm},
            }
            for position, (value, arm) in enumerate(found.items())
        ]
        absent = {"cells": (title, Cell(layout.NOT_RUN, width - 1, "l")), "rule": False}
        groups.append(Group(at={"experiment": experiment}, rows=tuple(rows) or (absent,)))
    return groups


def varied_words(context: Context, which: str, table: int) -> dict[str, str | None]:
    """Return what was held fixed, and the epochs at which the paths were read."""
    other = paths.OTHER[which]
    held, lengths, readings = {}, {}, {}
    for network, experiment in paths.TUNED.items():
        if not paths.varied(context.results.frame, which, experiment):
            continue
        title = labels.network(network)
        at: dict[str, Any] = {"experiment": experiment, "arm": paths.BASE}
        held[title] = f"{select(context.results.frame, f'setting.{other}', **at).iloc[0]:g}"
        for stage in ("eighth", "quarter", "half", "last"):
            after = select(context.results.frame, "after", **at, stage=stage, layer=None)
            readings.setdefault(stage, set()).add(int(after.iloc[0]))
            lengths[title] = int(after.iloc[0])
    same = len(set(held.values())) == 1
    values = list(dict.fromkeys(held.values()))
    of_each = ", ".join(f"{SIGNS[other]} = {value} for {name}" for name, value in held.items())
    unknown = {"eighth": "T/8", "quarter": "T/4", "half": "T/2", "last": "T"}
    one_length = len(set(lengths.values())) == 1
    heads = [
        f"epoch {readings[stage].pop()}" if one_length else unknown[stage] for stage in unknown
    ]
    return {
        "held": f"{SIGNS[other]} = {values[0]}" if same else of_each,
        "lengths": ", ".join(f"{name}: {n}" for name, n in lengths.items())
        if not one_length
        else None,
        **dict(zip(("first", "second", "third", "fourth"), heads, strict=True)),
        "table": str(table),
    }


def _first_seeds(context: Context) -> list[Run]:
    """Runs that measured costs, the first seed of each arm."""
    found: dict[str, Run] = {}
    for run in sorted(context.results.runs, key=lambda run: run.record.seed):
        found.setdefault(run.record.arm, run)
    return list(found.values())


def costs(context: Context) -> list[Group]:
    """Make a group for each network, with its optimizers."""
    groups = []
    for run in _first_seeds(context):
        rows = []
        for position, one in enumerate(step_costs.of(run.record).optimizers):
            rows.append(
                {
                    "title": "" if position else labels.network(run.record.network.name),
                    "name": labels.arm(one.name),
                    "network": run.record.network.name,
                    "tensors": " ".join(f"{name}:{count}" for name, count in one.state.items()),
                    "at": {"layer": one.name},
                }
            )
        at = dict(zip(("experiment", "arm", "seed"), run.key, strict=True))
        groups.append(Group(at=at, rows=tuple(rows)))
    return groups or [Group(rows=({"cells": (Cell(layout.NOT_RUN, 8, "l"),)},))]


def cost_words(context: Context) -> dict[str, str | None]:
    """Return what ran, on which machine."""
    inputs, runs = context.inputs, _first_seeds(context)
    told = facts.sentences(
        facts.Facts(
            labels.network(run.record.network.name), run.record.network, run.record.data, None,
            (run.record.seed,), run.current,
        )
        for run in runs
    )  # fmt: skip
    text = " ".join(told) or f"The measurement of costs was {layout.NOT_RUN} at this scale."
    sizes = sorted({step_costs.of(run.record).batch_size for run in runs})
    return {
        "ran": f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {text}",
        "sizes": " or ".join(map(str, sizes)),
        "machines": ", ".join(sorted({_machine(run) for run in runs})),
        "table": "6",
    }


def _machine(run: Run) -> str:
    provenance = run.record.provenance
    threads = "1 thread" if provenance.threads == 1 else f"{provenance.threads} threads"
    return f"{provenance.device} ({threads})"


def layers(_: Context, experiment: str, kinds: Sequence[str]) -> list[Fields]:
    """List the layers of a network, and all of them together."""
    rows = [{"name": kind, "at": {"layer": kind}} for kind in kinds] + [{"name": "all", "at": {}}]
    return [
        row | {"entry": row["name"].lower(), "at": row["at"] | {"experiment": experiment}}
        for row in rows
    ]


def density(context: Context, row: Fields) -> tuple[str, Fields]:
    """Show the density of a layer, which is none yet where no group of it ever entered."""
    at = {"layer": None} | context.where
    shares, ever = (
        select(context.results.frame, name, **at) for name in ("density_percent", "n_ever")
    )
    fields: Fields = {
        "n_ever": " ".join(str(int(n)) for n in ever)
        if row["name"] != "all" and len(ever)
        else math.nan,
        "density_percent_mean": float(shares.mean()) if len(shares) else math.nan,
        "density_percent_std": float(shares.std(ddof=1)) if len(shares) > 1 else math.nan,
        "density_percent_n_seeds": len(shares),
    }
    return (NONE_YET if len(ever) and not ever.any() else layout.spread(shares)), fields


def printed_density(context: Context, row: Fields, table: int) -> tuple[str, Fields]:
    """Show what the source prints of a layer, of which one share has lost its point."""
    entries = context.inputs.reported.documents["004"].entries
    entry = entries.get(f"table_{table}.{row['entry']}")
    values = entry.values if entry else {}
    share = values.get("density", values.get("density_thousandths", math.nan) / 1000)
    return layout.number(100 * share, 1), {"printed_density": share}


def layer_words(context: Context, table: int) -> dict[str, str | None]:
    """Return the layers that no group has entered, and how long one must have been."""
    frame = context.results.frame
    ever = frame[frame["metric"].eq("n_ever")]
    waiting = list(dict.fromkeys(ever.loc[ever["value"].eq(0), "layer"]))
    needed: pd.Series = frame.loc[frame["metric"].eq("norm_to_enter"), "value"]
    return {
        "waiting": ", ".join(waiting) or None,
        "needed": f"{needed.min():.2g}" if len(needed) else None,
        "table": str(table),
    }


def setting(context: Context, row: Fields, network: str) -> tuple[str, Fields]:
    """Show a setting of a network's path or ticket, from its record; all seeds have one configuration."""
    text = _setting(_run(context, network, is_ticket=bool(row.get("ticket"))), row)
    return text, {"value": text}


def _run(context: Context, network: str, *, is_ticket: bool) -> Run | None:
    experiment = f"dessilbi_{'ticket' if is_ticket else 'early'}_{network}"
    own = [run for run in context.results.runs if run.record.experiment == experiment]
    return next((run for run in own if not is_ticket or run.record.arm == TICKET), None)


def _setting(run: Run | None, row: Fields) -> str:
    if run is None:
        return layout.NOT_RUN
    value = _value(run, row["setting"])
    if row.get("flag"):
        return "yes" if value else "no"
    if value is None or value in ([], ()):
        return layout.NONE
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _value(run: Run, name: str) -> Any:
    training, recipe = run.record.config.training, run.record.config.recipe
    if name == "norm":
        return "‖V‖/√|g|" if recipe.get("scaled_norm") else "‖V‖"
    if name == "schedule":
        falls = ", ".join(map(str, training.milestones))
        return f"× {training.decay:g} after {falls}" if falls else "constant"
    first, *rest = name.split(".")
    if first == "recipe":
        return recipe.get(rest[0])
    value: Any = training
    for part in rest:
        value = getattr(value, part)
    return value
