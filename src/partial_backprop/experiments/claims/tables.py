"""The claims of the sources with their verdicts: the CSV has all, the print those of the first pages."""

from partial_backprop import labels
from partial_backprop.report import layout, ledger
from partial_backprop.report.tables import Context
from partial_backprop.report.verdict import Judgement
from partial_backprop.table_entries import Group


def groups(context: Context) -> list[Group]:
    """Make a group of all claims for the CSV, and groups of those of the first pages for print."""
    judged = ledger.ledger(context.inputs)
    listed = ledger.frame(judged).to_dict("records")
    every = Group(rows=tuple({"cells": (), "csv": line, "hidden": True} for line in listed))
    shown: dict[str, list[Judgement]] = {}
    for found in judged:
        if found.claim.main:
            experiment = found.claim.what.experiment
            last = experiment if isinstance(experiment, str) else experiment[-1]
            shown.setdefault(last, []).append(found)
    return [every, *(_group(experiment, found) for experiment, found in shown.items())]


def _group(experiment: str, found: list[Judgement]) -> Group:
    tags = ", ".join(dict.fromkeys(tag for one in found for tag in one.tags))
    title = labels.experiment(experiment) + (f": {tags}" if tags else "")
    rows = tuple({"cells": _cells(one), "rule": False} for one in found)
    return Group(title=title, italic=False, rows=rows)


def _cells(found: Judgement) -> tuple[str, ...]:
    decimals = 3 if found.claim.what.metric.startswith("bleu") else 2
    numbers = [layout.number(value, decimals) for value in (found.reported, found.estimate)]
    ends = [layout.number(value, decimals) for value in (found.low, found.high)]
    interval = f"[{ends[0]}, {ends[1]}]" if found.low < found.high else layout.NONE
    margin = layout.significant(found.margin) if found.margin else layout.NONE
    n_seeds = str(found.n_seeds or layout.NONE)
    return (
        found.claim.short.partition(": ")[2],
        *numbers,
        interval,
        margin,
        n_seeds,
        in_words(found),
    )


def in_words(found: Judgement) -> str:
    """Name a verdict, with its reason."""
    reasons = [found.reason.replace("_", " ")] if found.reason else []
    reasons += ["images only"] if found.method == "images" else []
    return ": ".join([found.verdict, ", ".join(reasons)] if reasons else [found.verdict])
