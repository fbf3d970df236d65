"""What the templates may name: the data of a scale, in the words and types of its article."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from partial_backprop import labels
from partial_backprop.facts import Facts, cnns
from partial_backprop.frames import caption_arms
from partial_backprop.frames.aggregate import runs_frame
from partial_backprop.inputs import Inputs
from partial_backprop.measurements import mask_stability, movement
from partial_backprop.paper import (
    appendix,
    captioning,
    dessilbi,
    filter_pruning,
    findings,
    gradient_counts,
    lab1,
    labs,
    performance,
    weight_pruning,
)
from partial_backprop.paper.numbers import claimed, integer, listing, measured, plural
from partial_backprop.paper.text import Tex, declarations, escape
from partial_backprop.report.judge import by_id
from partial_backprop.report.ledger import ledger


class Cast(NamedTuple):
    """A data set, for the section that describes the data."""

    name: Tex
    stands_for: Tex
    """The data set whose part it plays; empty where it plays its own."""
    role: Tex
    """Both in words."""
    facts: Facts
    used_by: Tex


def _data(found: dict[str, Facts | None]) -> list[Cast]:
    users: dict[str, list[Facts]] = {}
    for facts in found.values():
        if facts is not None:
            users.setdefault(facts.data.name, []).append(facts)
    casts = []
    for name, of_data in users.items():
        role = of_data[0].data.role
        plays_itself = name.lower().startswith(role)  # cifar10-jpeg plays cifar10
        stands_for = Tex("") if plays_itself else escape(labels.data(role))
        printed = escape(labels.data(name))
        as_role = Tex(f"{printed} for {stands_for}") if stands_for else printed
        used_by = listing([facts.title for facts in of_data])
        casts.append(Cast(printed, stands_for, as_role, of_data[0], used_by))
    return casts


def _new_masks_every(inputs: Inputs) -> Tex:
    """List the epochs between two masks of the arm PB with new masks; empty where it did not run."""
    told = {}
    for run in inputs.runs:
        if run.record.arm == "pb_remask35" and run.record.experiment in labels.CNNS:
            epochs = plural(run.record.config.freezing.remask_every, "epoch")
            told[run.record.experiment] = Tex(
                f"{epochs} ({escape(labels.CNNS[run.record.experiment])})"
            )
    return listing(list(told.values())) if told else Tex("")


def _size(facts: Facts) -> Tex:
    return Tex(f"{escape(facts.name())} has {integer(facts.network.n_parameters)} parameters")


_OTHER_SOURCES = (
    (labels.LABS, "a homework on sparse linear models and on pruning and quantizing ResNet-20"),
    (("sparsification",), "notes on zeroing small gradients"),
    (("weight_pruning", "filter_pruning"), "logs of weight pruning and filter pruning"),
    (dessilbi.EXPERIMENTS, "the captions of a paper on DessiLBI"),
)
"""Experiments -> the document that they repeat, besides that on partial backpropagation."""


def _other_sources(inputs: Inputs) -> list[str]:
    ran = {run.record.experiment for run in inputs.runs}
    return [document for experiments, document in _OTHER_SOURCES if ran.intersection(experiments)]


def _drawn(inputs: Inputs, figures: Iterable[Path]) -> set[str]:
    """Name the figures that show something: those of what did not run stay out of the article."""
    sampled = {sample.experiment for sample in inputs.gradients}
    empty = set() if sampled else {"figure_kde"}
    empty |= set() if "vgg19_cifar10" in sampled else {"figure_2"}
    empty |= set() if inputs.runs else {"figure_3"}
    moved = any(movement.of(run.record) is not None for run in inputs.runs)
    empty |= set() if moved else {"figure_movement"}
    captioned = {run.record.arm for run, _ in caption_arms.reports(inputs.runs)}
    empty |= set() if captioned else {"figure_5"}
    empty |= set() if "pb" in captioned else {"figure_4"}
    empty |= set() if any(one.curves for one in inputs.performance) else {"figure_bench"}
    return {path.stem for path in figures} - empty


def _filled(inputs: Inputs, tables: Iterable[Path]) -> set[str]:
    """Name the tables that say something: of the stability of masks, which no one may have measured."""
    measured = any(mask_stability.of(run.record) is not None for run in inputs.runs)
    return {path.stem for path in tables} - (set() if measured else {"table_mask_stability"})


def context(inputs: Inputs, tables: Iterable[Path], figures: Iterable[Path]) -> dict[str, Any]:
    """Gather what the templates may name.

    Parameters
    ----------
    inputs : Inputs
        Runs, gradient samples and printed numbers.
    tables, figures : iterable of pathlib.Path
        LaTeX tables and PDF figures.

    Returns
    -------
    dict
        Name -> value; text that is not `Tex` is escaped when it is printed.
    """
    frame = runs_frame(inputs.runs)
    networks = cnns(inputs)
    data = _data(networks)
    arms = {run.record.arm for run in inputs.runs if run.record.experiment in labels.CNNS}
    judged = ledger(inputs)
    return {
        "ledger": judged,
        "claim": by_id(judged),
        "claimed": claimed,
        "measured": measured,
        "findings": findings.sentences(frame, inputs.reported),
        "captioning": captioning.sentences(inputs),
        "dessilbi": dessilbi.sentences(inputs),
        "lab1": lab1.sentences(inputs),
        "labs": labs.sentences(inputs),
        "gradient_counts": gradient_counts.sentences(inputs),
        "filter_pruning": filter_pruning.sentences(inputs),
        "weight_pruning": weight_pruning.sentences(inputs),
        "performance": performance.sentences(inputs),
        "scale": inputs.scale,
        "thresholds": inputs.thresholds,
        "new_masks_every": _new_masks_every(inputs),
        "other_sources": _other_sources(inputs),
        "networks": [facts for facts in networks.values() if facts is not None],
        "sizes": [_size(facts) for facts in networks.values() if facts is not None],
        "data": data,
        "stand_ins": [cast for cast in data if cast.stands_for],
        "arms": [arm for arm in labels.ARMS if arm in arms],
        "arm_labels": [labels.arm(arm) for arm in labels.ARMS if arm in arms],
        "tables": _filled(inputs, tables),
        "figures": _drawn(inputs, figures),
        "settings": appendix.settings(inputs),
        "machines": appendix.machines(inputs),
        "records": appendix.records(inputs),
        "outdated": [run for run in inputs.runs if not run.current],
        "code": appendix.code,
        "integer": integer,
        "listing": listing,
        "plural": plural,
        "unicode_declarations": declarations(),
    }
