r"""Numbers of the article's prose, each a LaTeX macro: ``\fact{printed.training.epochs}``.

The keys are also what ``macros.tex`` lists, one a line, so that a reader of the sources finds every
number in one file; a key that does not exist stops LaTeX.
"""

from collections.abc import Mapping

from partial_backprop.inputs import Inputs
from partial_backprop.paper import hooks
from partial_backprop.paper.numbers import decimal, integer, percent, plural
from partial_backprop.paper.text import Tex, escape
from partial_backprop.reported import Reported

_PREAMBLE = r"""% Generated from records and printed numbers: edits will be lost.
\newcommand{\fact}[1]{\ifcsname fact@#1\endcsname\csname fact@#1\endcsname\else
  \PackageError{macros}{There is no fact #1}{It is not in macros.tex.}\fi}
\newcommand{\newfact}[2]{\expandafter\newcommand\csname fact@#1\endcsname{#2}}
"""


def _campaign(inputs: Inputs) -> dict[str, Tex]:
    return {
        "scale.name": escape(inputs.scale),
        "scale.title": escape(inputs.title.rstrip(".")),
        "seeds.count": plural(len({run.record.seed for run in inputs.runs}), "seed"),
        "runs.count": integer(len(inputs.runs)),
        "runs.hours": decimal(sum(run.record.provenance.wall_s for run in inputs.runs) / 3600, 1),
    }


def _show(place: str, name: str, value: float) -> Tex:
    digits = 2 if place.startswith("table") else None
    if name.endswith("_percent"):
        return Tex(rf"{decimal(value, digits)}\,\%")
    if name.endswith(("accuracy", "sparsity")):  # a share
        return percent(100 * value)
    return integer(value) if name.startswith("n_") else decimal(value, digits)


def _printed(reported: Reported) -> dict[str, Tex]:
    facts: dict[str, Tex] = {}
    for number, document in reported.documents.items():
        for place, entry in document.entries.items():
            if ".by_filter." in place:
                continue
            for name, value in entry.values.items():
                # A place that two documents have is the first's, and the other's with its number.
                key = f"printed.{place}.{name}"
                key = f"printed.{number}.{place}.{name}" if key in facts else key
                facts[key] = _show(place, name, value)
    return facts


def collect(inputs: Inputs) -> dict[str, Tex]:
    """Gather the numbers that the prose uses."""
    found = _campaign(inputs) | _printed(inputs.reported)
    for one in hooks.of("facts"):
        found |= one(inputs.reported)
    return found


def to_tex(facts: Mapping[str, Tex]) -> Tex:
    r"""Write numbers as macros."""
    lines = [rf"\newfact{{{key}}}{{{value}}}" for key, value in sorted(facts.items())]
    return Tex(_PREAMBLE + "\n".join(lines) + "\n")
