"""The source's claims, each judged by a rule: supported, contradicted, undecided or not tested."""

import math
from collections.abc import Callable

import pandas as pd

from partial_backprop import labels
from partial_backprop.intervals import Difference
from partial_backprop.paper.compare import (
    NOT_RUN,
    Compared,
    by_arm,
    compare,
    grouped,
    name,
    verdict,
    with_differences,
)
from partial_backprop.paper.numbers import (
    listing,
    percent,
    plural,
)
from partial_backprop.paper.printed import SEED, margin
from partial_backprop.paper.text import Tex, escape
from partial_backprop.reported import Reported

_NOT_TESTED = Tex(rf"\emph{{Not tested}}: {NOT_RUN} at this scale.")


def judge(frame: pd.DataFrame, reported: Reported) -> dict[str, Tex]:
    """Judge the claims of seed 001 on its four networks.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `aggregate.runs_frame`; may be empty.
    reported : Reported
        Numbers printed in the sources.

    Returns
    -------
    dict
        Claim -> verdict and evidence.
    """
    return {
        "cost": _cost(frame, reported),
        "choice": _choice(frame),
        "freezing": _freezing(frame),
        "least_frozen": _least_frozen(frame, reported),
        "new_masks": _same(compare(frame, "pb_remask35", "pb"), margin(reported)),
        "final_fb": _same(compare(frame, "pb_final_fb", "pb"), margin(reported)),
    }


def within(largest_loss: float) -> Callable[[Difference], str]:
    """Make a judge of whether a loss is small enough.

    Parameters
    ----------
    largest_loss : float
        What a loss may be, in the unit of the differences; 0 or more.

    Returns
    -------
    callable
        From a difference to ``supported``, ``contradicted``, ``undecided`` or, without an
        interval, ``single``.
    """

    def judged(value: Difference) -> str:
        if math.isnan(value.low):
            return "single"
        if value.low >= -largest_loss:
            return "supported"
        return "contradicted" if value.high < -largest_loss else "undecided"

    return judged


def _verdicts(groups: dict[str, list[Compared]], said: dict[str, str]) -> Tex:
    parts = [
        rf"\emph{{{text}}} for {with_differences(groups[key])}."
        for key, text in said.items()
        if key in groups
    ]
    return Tex(" ".join(parts)) if parts else _NOT_TESTED


def _cost(frame: pd.DataFrame, reported: Reported) -> Tex:
    groups = grouped(compare(frame, "pb", "fb"), within(margin(reported)))
    said = {
        "supported": "Supported",
        "contradicted": "Contradicted",
        "undecided": "Undecided, the interval reaching below the margin,",
        "single": "Undecided, for want of a second seed,",
    }
    return _verdicts(groups, said)


def _choice(frame: pd.DataFrame) -> Tex:
    said = {
        "higher": "Supported",
        "lower": "Contradicted, the random mask being better,",
        "unresolved": "Undecided, the interval containing zero,",
        "single": "Undecided, for want of a second seed,",
    }
    return _verdicts(grouped(compare(frame, "pb", "pb_random"), verdict), said)


def _freezing(frame: pd.DataFrame) -> Tex:
    drift = by_arm(frame, "pb_gradient", "drift_max_abs")
    if not drift:
        return _NOT_TESTED
    moved = [name(frame, experiment) for experiment, largest in drift.items() if largest > 0]
    still = [name(frame, experiment) for experiment, largest in drift.items() if largest == 0]
    text = [rf"\emph{{Contradicted}} for {listing(moved)}: masked weights moved."] if moved else []
    text += [rf"\emph{{Supported}} for {listing(still)}: no masked weight moved."] if still else []
    return Tex(" ".join(text))


def _least_frozen(frame: pd.DataFrame, reported: Reported) -> Tex:
    shares = by_arm(frame, "pb", "mask_zeros_percent")
    printed = {
        experiment: reported.entry(SEED, f"table_2.{experiment}").values["frozen_percent"]
        for experiment in labels.CNNS
    }
    claimed = min(printed, key=printed.__getitem__)
    if claimed not in shares or len(shares) < 2:
        return _NOT_TESTED
    least = min(shares, key=shares.__getitem__)
    judged = "Supported" if least == claimed else "Contradicted"
    among = f"among {plural(len(shares), 'network')} the least is frozen in {escape(labels.CNNS[least])}"
    return Tex(rf"\emph{{{judged}}}: {among} ({percent(shares[least])}).")


def _same(compared: list[Compared], most: float) -> Tex:
    """Judge whether a variant is as good as PB, within `most` points either way."""

    def close(value: Difference) -> str:
        if math.isnan(value.low):
            return "single"
        if -most <= value.low and value.high <= most:
            return "supported"
        return "contradicted" if value.high < -most or value.low > most else "undecided"

    said = {
        "supported": "Supported",
        "contradicted": "Contradicted",
        "undecided": "Undecided, the interval reaching beyond the margin,",
        "single": "Undecided, for want of a second seed,",
    }
    return _verdicts(grouped(compared, close), said)
