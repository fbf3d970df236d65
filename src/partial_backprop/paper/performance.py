"""What the appendix says of speed and memory."""

import math

from partial_backprop.inputs import Inputs
from partial_backprop.paper.numbers import decimal, listing, plural, word
from partial_backprop.paper.text import Tex, escape
from partial_backprop.performance import Curve, Performance, Quantity

_BUSY = 0.5


def sentences(inputs: Inputs) -> dict[str, Tex]:
    """Say which goals were met, how time grows, and whether the machine was quiet.

    Parameters
    ----------
    inputs : Inputs
        What benchmarks found.

    Returns
    -------
    dict
        Topic -> sentences; ``goals`` is empty where nothing was measured.
    """
    found = inputs.performance
    return {"goals": _goals(found), "growth": _growth(found), "machine": _machine(found)}


def _goals(found: tuple[Performance, ...]) -> Tex:
    aimed = [quantity for one in found for quantity in one.quantities if quantity.goal]
    if not aimed:
        return Tex("")
    missed = [quantity for quantity in aimed if not quantity.goal.is_met(quantity.value.median)]
    n_met = len(aimed) - len(missed)
    if not missed:
        return Tex(f"All of {plural(len(aimed), 'goal')} were met.")
    told = "; ".join(_missed(quantity) for quantity in missed)
    were = "was" if n_met == 1 else "were"
    return Tex(
        f"Of {plural(len(aimed), 'goal')} {word(n_met)} {were} met. \\emph{{Missed}}: {told}."
    )


def _missed(quantity: Quantity) -> Tex:
    goal = quantity.goal
    bound = "at least" if goal.at_least else "at most"
    title = quantity.title[0].lower() + quantity.title[1:]
    title = quantity.title if quantity.title[:2].isupper() or quantity.unit == "×" else title
    unit = {"×": "", "%": r"\,\%"}.get(quantity.unit, rf"\,{quantity.unit}")
    value, wanted = (decimal(float(f"{one:.3g}")) for one in (quantity.value.median, goal.value))
    return Tex(f"{escape(title)} ({value}{unit}; {bound} {wanted}{unit} was aimed at)")


def _growth(found: tuple[Performance, ...]) -> Tex:
    curves = [
        curve
        for one in found
        if one.name == "growth"
        for curve in one.curves
        if curve.unit == "s" and not math.isnan(curve.exponent())
    ]
    if not curves:
        return Tex("")
    told = listing([_steepness(curve) for curve in curves])
    return Tex(
        f"Between its last two points, time grows as the size to the power of {told}; a power of one "
        "is proportional growth, and less is a constant cost that has not yet been outgrown."
    )


def _steepness(curve: Curve) -> Tex:
    title = curve.title[0].lower() + curve.title[1:]
    return Tex(f"{decimal(curve.exponent(), 1)} ({escape(title)}, by {escape(curve.axis)})")


def _machine(found: tuple[Performance, ...]) -> Tex:
    if any(one.machine.load > _BUSY * one.machine.n_cores for one in found):
        return Tex(
            r"\emph{The machine was busy with other work} when some of this was measured: its seconds "
            "are too many, and only the ratios of ways that ran in turn can be relied on."
        )
    return Tex("")
