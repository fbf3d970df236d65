"""What the article says of the measurements: rules from a frame to sentences, none of them typed.

Where the arms or networks that a sentence needs did not run, the sentence says so. Differences are
in percentage points at the last epoch, unless their sentence says otherwise.
"""

import pandas as pd

from partial_backprop import labels
from partial_backprop.frames.aggregate import by_seed
from partial_backprop.paper.compare import (
    ACCURACY,
    NOT_RUN,
    by_arm,
    compare,
    in_words,
    name,
)
from partial_backprop.paper.numbers import decimal, listing, percent
from partial_backprop.paper.text import Tex, escape
from partial_backprop.reported import Reported

_SEED = "001"


def sentences(frame: pd.DataFrame, reported: Reported) -> dict[str, Tex]:
    """Say what was measured on the four networks of seed 001.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `aggregate.runs_frame`; may be empty.
    reported : Reported
        Numbers printed in the sources.

    Returns
    -------
    dict
        Topic -> one or more sentences; empty where there is nothing to say.
    """
    return {
        "missing": _missing(frame),
        "learned": _learned(frame),
        "accuracy": in_words(compare(frame, "pb", "fb"), "PB", "FB"),
        "protocol": _protocol(frame),
        "frozen": _frozen(frame, reported),
        "natural_zeros": _natural_zeros(frame, reported),
        "random": in_words(compare(frame, "pb", "pb_random"), "PB", "the random mask"),
        "modes": _modes(frame),
        "modes_accuracy": in_words(
            compare(frame, "pb_gradient", "pb"), "masking gradients alone", "strict PB"
        ),
        "otsu": _otsu(frame),
        "otsu_accuracy": in_words(
            compare(frame, "pb_otsu", "pb"), "PB with Otsu's threshold", "PB with the tweaked one"
        ),
        "filters": _filters(frame),
        "filters_accuracy": in_words(
            compare(frame, "pb_filters", "pb"), "PB of whole filters", "PB of single weights"
        ),
        "precision": in_words(
            compare(frame, "fb_bf16", "fb"), "FB in bfloat16", "FB in single precision"
        ),
        "variants": _variants(frame),
    }


def _missing(frame: pd.DataFrame) -> Tex:
    ran = set(frame["experiment"]) if len(frame) else set()
    absent = [escape(network) for key, network in labels.CNNS.items() if key not in ran]
    if not absent:
        return Tex("")
    return Tex(
        f"{listing(absent)} {'was' if len(absent) == 1 else 'were'} {NOT_RUN} at this scale."
    )


def _learned(frame: pd.DataFrame) -> Tex:
    ratios = {}
    for experiment in labels.CNNS:
        accuracy = by_seed(frame, experiment, "fb", ACCURACY)
        if len(accuracy):
            n_classes = by_seed(frame, experiment, "fb", "n_classes").iloc[0]
            ratios[experiment] = float(accuracy.min()) * n_classes / 100
    if not ratios:
        return Tex(f"Full backpropagation was {NOT_RUN} at this scale.")
    least = min(ratios, key=ratios.__getitem__)
    return Tex(
        f"Every run with FB ends at {decimal(ratios[least], 1)} times the accuracy of chance or above "
        f"(the lowest is a run of {name(frame, least)})."
    )


def _protocol(frame: pd.DataFrame) -> Tex:
    gains = [
        gain
        for experiment in labels.CNNS
        for arm in ("fb", "pb")
        for gain in (
            by_seed(frame, experiment, arm, ACCURACY, "paper_protocol")
            - by_seed(frame, experiment, arm, ACCURACY)
        ).dropna()
    ]
    if not gains:
        return Tex("")
    return Tex(
        f"Over the {len(gains)} runs with FB and PB, keeping the epoch that is best on the test set "
        f"prints accuracies {decimal(sum(gains) / len(gains), 2)} points higher on average, and "
        f"up to {decimal(max(gains), 2)} higher, than the last epoch has."
    )


def _frozen(frame: pd.DataFrame, reported: Reported) -> Tex:
    shares = by_arm(frame, "pb", "mask_zeros_percent")
    if not shares:
        return Tex(f"Partial backpropagation was {NOT_RUN} at this scale.")
    items = []
    for experiment, share in shares.items():
        printed = reported.entry(_SEED, f"table_2.{experiment}").values["frozen_percent"]
        items.append(
            Tex(f"{percent(share)} for {name(frame, experiment)} (printed: {percent(printed)})")
        )
    return Tex(f"The tweaked thresholds freeze {listing(items)}.")


def _natural_zeros(frame: pd.DataFrame, reported: Reported) -> Tex:
    entries = reported.documents[_SEED].entries
    items = []
    for experiment, share in by_arm(frame, "pb", "natural_zeros_percent").items():
        entry = entries.get(f"natural_zeros.{experiment}")
        printed = (
            f" (printed: {percent(entry.values['natural_zeros_percent'], 1)})" if entry else ""
        )
        items.append(Tex(f"{percent(share, 1)} for {name(frame, experiment)}{printed}"))
    if not items:
        return Tex("")
    return Tex(
        "Gradients that are exactly zero on the batch that makes the mask, without any masking, are "
        f"{listing(items)}."
    )


def _modes(frame: pd.DataFrame) -> Tex:
    drifts = by_arm(frame, "pb_gradient", "drift_mean_abs")
    if not drifts:
        return Tex(
            f"The listing's variant, which masks gradients only, was {NOT_RUN} at this scale."
        )
    unmoved = by_arm(frame, "pb_gradient", "unmoved_percent")
    masked = by_arm(frame, "pb_gradient", "mask_zeros_percent")
    largest = max(by_arm(frame, "pb_gradient", "drift_max_abs").values())
    if largest == 0:
        text = "No masked weight drifted when only gradients were masked."
    else:
        shares = [
            Tex(
                f"{percent(masked[experiment], 1)} masked but {percent(unmoved[experiment], 1)} unmoved "
                f"for {name(frame, experiment)} (mean drift {decimal(mean)})"
            )
            for experiment, mean in drifts.items()
        ]
        text = (
            rf"\emph{{Masking gradients does not freeze weights}}: {listing(shares)}. No masked "
            f"weight drifted by more than {decimal(largest)}."
        )
    strict = by_arm(frame, "pb", "drift_max_abs")
    if strict and max(strict.values()) == 0:
        text += " In the strict mode no masked weight changed at all."
    elif strict:
        text += (
            rf" \emph{{In the strict mode masked weights moved too}}, by up to "
            f"{decimal(max(strict.values()))}: an error of this implementation."
        )
    return Tex(text)


def _otsu(frame: pd.DataFrame) -> Tex:
    automatic, tweaked = (by_arm(frame, arm, "mask_zeros_percent") for arm in ("pb_otsu", "pb"))
    high, low = (by_arm(frame, arm, "threshold_raw") for arm in ("pb_otsu", "pb"))
    items = []
    for experiment in high:
        if experiment not in low:
            continue
        ratio = high[experiment] / low[experiment]
        items.append(
            Tex(
                f"{decimal(ratio, 2)} times the tweaked one for {name(frame, experiment)} and freezes "
                f"{percent(automatic[experiment], 1)} instead of {percent(tweaked[experiment], 1)}"
            )
        )
    if not items:
        return Tex(f"The automatic threshold was {NOT_RUN} at this scale.")
    return Tex(f"Otsu's threshold is {listing(items)}.")


def _filters(frame: pd.DataFrame) -> Tex:
    whole, single = (by_arm(frame, arm, "mask_zeros_percent") for arm in ("pb_filters", "pb"))
    items = [
        Tex(f"{percent(whole[key], 1)} instead of {percent(single[key], 1)} for {name(frame, key)}")
        for key in whole
        if key in single
    ]
    if not items:
        return Tex(f"Freezing of whole filters was {NOT_RUN} at this scale.")
    return Tex(f"The same threshold on each filter's mean freezes {listing(items)}.")


def _variants(frame: pd.DataFrame) -> Tex:
    arms = {"pb_remask35": "PB with new masks", "pb_final_fb": "PB with FB at the end"}
    ran = {arm: compare(frame, arm, "pb") for arm in arms}
    if not any(ran.values()):
        return Tex(
            f"The source's two variants, new masks and full backpropagation at the end, were {NOT_RUN} "
            "at this scale."
        )
    return Tex(" ".join(in_words(ran[arm], what, "PB") for arm, what in arms.items()))
