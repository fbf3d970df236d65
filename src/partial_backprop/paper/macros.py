r"""Numbers of the article's prose, each a LaTeX macro: ``\fact{training.epochs}``.

The keys are also what ``macros.tex`` lists, one a line, so that a reader of the sources finds every
number in one file; a key that does not exist stops LaTeX.
"""

from collections.abc import Callable, Mapping
from typing import Any

from partial_backprop import labels
from partial_backprop.inputs import Inputs, Run
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.numbers import decimal, integer, listing, percent, plural, points
from partial_backprop.paper.text import Tex, escape
from partial_backprop.reported import Reported

_PREAMBLE = r"""% Generated from records and printed numbers: edits will be lost.
\newcommand{\fact}[1]{\ifcsname fact@#1\endcsname\csname fact@#1\endcsname\else
  \PackageError{macros}{There is no fact #1}{It is not in macros.tex.}\fi}
\newcommand{\newfact}[2]{\expandafter\newcommand\csname fact@#1\endcsname{#2}}
"""


def _each(runs: list[Run], value: Callable[[Run], Any], show: Callable[[Any], Tex]) -> Tex:
    """Print what all runs share, or each network's own value with its name."""
    found: dict[str, list[str]] = {}
    for run in runs:
        names = found.setdefault(show(value(run)), [])
        network = labels.CNNS.get(run.record.experiment, run.record.experiment)
        if network not in names:
            names.append(network)
    if not found:
        return Tex(NOT_RUN)
    if len(found) == 1:
        return Tex(next(iter(found)))
    return listing([Tex(f"{text} ({listing(names)})") for text, names in found.items()])


def _numbers(values: tuple[int, ...]) -> Tex:
    return listing([integer(value) for value in values]) if values else Tex("none")


def _training(inputs: Inputs) -> dict[str, Tex]:
    runs = [run for run in inputs.runs if run.record.experiment in labels.CNNS]
    trained = [run for run in runs if run.record.config.training is not None]
    otsu = [run for run in trained if run.record.arm == "pb_otsu" and run.record.config.freezing]

    def training(name: str) -> Callable[[Run], Any]:
        return lambda run: getattr(run.record.config.training, name)

    def optimizer(name: str) -> Callable[[Run], Any]:
        return lambda run: getattr(run.record.config.training.optimizer, name)

    def criterion(name: str) -> Callable[[Run], Any]:
        return lambda run: run.record.config.freezing.criterion.get(name, "")

    facts = {
        "training.optimizer": _each(
            trained, optimizer("name"), lambda name: escape(labels.ALGORITHMS.get(name, name))
        ),
        "training.weight_decay": _each(trained, optimizer("weight_decay"), decimal),
        "training.learning_rate": _each(trained, optimizer("learning_rate"), decimal),
        "training.decay": _each(trained, training("decay"), decimal),
        "training.milestones": _each(trained, training("milestones"), _numbers),
        "training.epochs": _each(trained, training("epochs"), integer),
        "training.shared_epochs": _each(trained, training("shared_epochs"), integer),
        "training.batch_size": _each(trained, training("batch_size"), integer),
        "training.threads": _each(trained, training("threads"), integer),
    }
    for name in ("n_bins", "mass"):
        facts[f"otsu.{name}"] = _each(otsu, criterion(name), _any)
    return facts


def _any(value: object) -> Tex:
    return decimal(value) if isinstance(value, int | float) else escape(value or NOT_RUN)


def _campaign(inputs: Inputs) -> dict[str, Tex]:
    seeds = sorted({run.record.seed for run in inputs.runs})
    return {
        "scale.name": escape(inputs.scale),
        "scale.title": escape(inputs.title.rstrip(".")),
        "seeds.count": plural(len(seeds), "seed"),
        "seeds.list": listing([str(seed) for seed in seeds]) if seeds else Tex(NOT_RUN),
        "runs.count": integer(len(inputs.runs)),
        "runs.hours": decimal(sum(run.record.provenance.wall_s for run in inputs.runs) / 3600, 1),
    }


def _printed(reported: Reported, document: str) -> dict[str, Tex]:
    facts = {}
    for place, entry in reported.documents[document].entries.items():
        in_table = place.startswith("table")
        for name, value in entry.values.items():
            shown = decimal(value, 2 if in_table else None)
            if name.endswith("_percent"):
                shown = percent(value, 2) if in_table else Tex(rf"{decimal(value)}\,\%")
            facts[f"printed.{place}.{name}"] = shown
    for table in ("table_1", "table_2"):
        for experiment in labels.CNNS:
            values = reported.entry(document, f"{table}.{experiment}").values
            gap = values["pb_accuracy_percent"] - values["fb_accuracy_percent"]
            facts[f"printed.{table}.{experiment}.difference"] = points(gap)
            raw = values["threshold"] * reported.entry(document, "training").values["learning_rate"]
            facts[f"printed.{table}.{experiment}.raw_threshold"] = decimal(raw)
    return facts


def collect(inputs: Inputs) -> dict[str, Tex]:
    """Gather the numbers that the prose uses.

    Parameters
    ----------
    inputs : Inputs
        Runs, printed numbers and scale.

    Returns
    -------
    dict
        Key -> LaTeX that prints the number; what did not run is printed as such.
    """
    return _campaign(inputs) | _training(inputs) | _printed(inputs.reported, "001")


def to_tex(facts: Mapping[str, Tex]) -> Tex:
    r"""Write numbers as macros.

    Parameters
    ----------
    facts : mapping
        Key -> LaTeX.

    Returns
    -------
    Tex
        A file to input in the preamble; it defines ``\fact``.
    """
    lines = [rf"\newfact{{{key}}}{{{value}}}" for key, value in sorted(facts.items())]
    return Tex(_PREAMBLE + "\n".join(lines) + "\n")
