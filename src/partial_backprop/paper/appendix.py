"""What the appendix lists: every configuration, every machine, every record."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from partial_backprop import labels
from partial_backprop.inputs import Inputs, Run
from partial_backprop.paper.numbers import integer, listing
from partial_backprop.paper.text import Tex, escape

Items = set[tuple[str, str]]
"""Keys and values of a configuration."""

_IDENTITY = ("schema_version", "scale", "experiment", "arm", "seed")


def code(value: object) -> Tex:
    """Print a key or value in typewriter letters that may break at its joints.

    Parameters
    ----------
    value : object
        Anything; its `str` is printed.

    Returns
    -------
    Tex
        LaTeX.
    """
    text = escape(value)
    for joint in (".", r"\_", "/", ",", "=", "-"):
        text = text.replace(joint, rf"{joint}\allowbreak{{}}")
    return Tex(rf"\texttt{{{text}}}")


class Setting(NamedTuple):
    """One line of the configuration table."""

    where: Tex
    """Which runs have it."""
    key: Tex
    value: Tex


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    if isinstance(value, Mapping) and value:
        items = value.items()
        joined = (_flat(below, f"{prefix}.{key}" if prefix else str(key)) for key, below in items)
        return {key: text for part in joined for key, text in part.items()}
    return {prefix: "none" if value in (None, {}, [], ()) else json.dumps(value).strip('"')}


def settings(inputs: Inputs) -> list[Setting]:
    """List every field of every run's configuration, each as widely as it holds.

    Parameters
    ----------
    inputs : Inputs
        Runs.

    Returns
    -------
    list of Setting
        First what all runs share, then what those of an experiment do, then those of an arm, then
        what an arm of an experiment has for itself. Scale, experiment, arm and seed are left out.
    """
    configs: dict[tuple[str, str], list[Items]] = defaultdict(list)
    for run in inputs.runs:
        plain = run.record.config.model_dump(mode="json", exclude=set(_IDENTITY))
        configs[run.record.experiment, run.record.arm].append(set(_flat(plain).items()))
    told: dict[tuple[str, str], Items] = defaultdict(set)
    lines = []
    levels = (
        (lambda key: "all runs", set.intersection),
        (lambda key: labels.experiment(key[0]), set.intersection),
        (lambda key: labels.arm(key[1]), set.intersection),
        (lambda key: f"{labels.experiment(key[0])}, {labels.arm(key[1])}", set.union),
    )
    for name, combine in levels:
        groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for key in _in_order(configs):
            groups[name(key)].append(key)
        for where, members in groups.items():
            common = combine(*(items for key in members for items in configs[key]))
            new = {item for item in common if any(item not in told[key] for key in members)}
            lines += [Setting(escape(where), code(key), code(value)) for key, value in sorted(new)]
            for key in members:
                told[key] |= common
    return lines


def _in_order(keys: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    def rank(known: Mapping[str, str], name: str) -> tuple[int, str]:
        return (list(known).index(name) if name in known else len(known), name)

    names = labels.EXPERIMENTS, labels.ALL_ARMS
    return sorted(keys, key=lambda key: tuple(map(rank, names, key)))


class Machine(NamedTuple):
    """Where some runs were made."""

    device: Tex
    system: Tex
    packages: Tex
    n_runs: Tex


def machines(inputs: Inputs) -> list[Machine]:
    """List the distinct machines and environments of the runs.

    Parameters
    ----------
    inputs : Inputs
        Runs.

    Returns
    -------
    list of Machine
        The one with the most runs first.
    """
    counts: Counter[tuple[Tex, Tex, Tex]] = Counter()
    for run in inputs.runs:
        made = run.record.provenance
        packages = {"Python": made.python, "partial_backprop": made.version, **made.packages}
        versions = listing([f"{name} {version}" for name, version in packages.items()])
        device = f"{made.device}, {made.threads} {'thread' if made.threads == 1 else 'threads'}"
        counts[escape(device), escape(made.platform), versions] += 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Machine(*machine, integer(count)) for machine, count in ranked]


class Line(NamedTuple):
    """One run in the table of records."""

    experiment: Tex
    arm: Tex
    seed: Tex
    configuration: Tex
    """Start of the configuration's SHA-256."""
    result: Tex
    """Start of the SHA-256 of the record without its provenance."""
    minutes: Tex


def records(inputs: Inputs) -> list[Line]:
    """List the runs with their hashes.

    Parameters
    ----------
    inputs : Inputs
        Runs.

    Returns
    -------
    list of Line
        In the order of the tables.
    """
    by_key = {run.key: run for run in inputs.runs}
    order = {pair: rank for rank, pair in enumerate(_in_order({key[:2] for key in by_key}))}
    keys = sorted(by_key, key=lambda key: (order[key[:2]], key[2]))
    return [_line(by_key[key]) for key in keys]


def _line(run: Run) -> Line:
    plain = json.dumps(run.record.reproducible(), sort_keys=True, separators=(",", ":"))
    return Line(
        escape(labels.experiment(run.record.experiment)),
        escape(labels.arm(run.record.arm)),
        Tex(str(run.record.seed)),
        Tex(rf"\texttt{{{run.record.config_sha256[:12]}}}"),
        Tex(rf"\texttt{{{hashlib.sha256(plain.encode()).hexdigest()[:12]}}}"),
        Tex(f"{run.record.provenance.wall_s / 60:.1f}"),
    )
