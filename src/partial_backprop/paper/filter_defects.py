"""What the article says of the defects of the source's script for filter pruning (seed 002)."""

import math
from collections.abc import Sequence

import pandas as pd

from partial_backprop.frames import filter_arms
from partial_backprop.frames.filter_arms import ARMS, PRINTED_BLOCKS, SEED
from partial_backprop.inputs import Run
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.lab_words import accuracy, compared
from partial_backprop.paper.numbers import decimal, integer, listing, percent, points
from partial_backprop.paper.text import Tex
from partial_backprop.reported import Reported

_NORMAL_975 = 1.959964
"""Quantile of the normal distribution for a two-sided 95 % interval."""


def sentences(runs: Sequence[Run], reported: Reported) -> dict[str, Tex]:
    """Say what each defect does to the numbers.

    Parameters
    ----------
    runs : sequence of Run
        Runs of ``filter_pruning``.
    reported : Reported
        Numbers printed in the sources.

    Returns
    -------
    dict
        Topic -> one or more sentences.
    """
    found = filter_arms.frame(runs)
    return {
        "source": _source(reported),
        "signed": _signed(found, reported),
        "root": _root(found),
        "softmax": _softmax(found, runs, reported),
        "test": _test(found, reported),
        "script": _script(found, reported),
        "lists": _lists(reported),
    }


def _source(reported: Reported) -> Tex:
    totals = [reported.entry(SEED, f"filters.{block}.total").values for block in PRINTED_BLOCKS]
    plain, pruned = (
        reported.entry(SEED, f"filters.{which}").values for which in ("plain", "pruned")
    )
    shares = listing([percent(total["sparse_percent"], 3) for total in totals])
    return Tex(
        f"Of {integer(totals[0]['n_weights'])} parameters it calls {shares} sparse, in two blocks that "
        "it does not explain, and prints a test accuracy of "
        f"{percent(pruned['test_accuracy_percent'])} with the penalty, and of "
        f"{percent(plain['test_accuracy_percent'])} without."
    )


def _signed(found: pd.DataFrame, reported: Reported) -> Tex:
    total = reported.entry(SEED, "filters.1.total").values["sparse_percent"]
    plain = filter_arms.pick(found, "plain", "signed_percent")
    right = filter_arms.pick(found, "plain", "zeros_percent")
    if not len(plain):
        return Tex(f"The network without penalty was {NOT_RUN} at this scale.")
    return Tex(
        rf"\emph{{A network without any penalty is {accuracy(plain)} sparse}} by this count, and "
        f"{accuracy(right)} by magnitude: every negative weight is among the "
        f"{percent(total, 1)} that are printed."
    )


def _root(found: pd.DataFrame) -> Tex:
    zeros = filter_arms.pick(found, "squares", "zeros_percent")
    left = filter_arms.pick(found, "squares", "n_parameters_left_percent")
    if not len(zeros):
        return Tex(f"The sum of squares was {NOT_RUN} at this scale.")
    gone = (
        r"\emph{and no unit can be removed}"
        if left.min() == 100
        else f"and {percent(left.mean())} of the parameters are left after removal"
    )
    return Tex(f"With it {accuracy(zeros)} of the parameters count as zero, {gone}.")


def _softmax(found: pd.DataFrame, runs: Sequence[Run], reported: Reported) -> Tex:
    losses = [
        reported.entry(SEED, f"filters.{which}").values["loss"] for which in ("plain", "pruned")
    ]
    classes = {run.record.data.n_classes for run in runs if run.record.data is not None} or {10}
    floor = math.log(1 + (min(classes) - 1) / math.e)
    said = (
        f"Probabilities lie between zero and one, so the loss of {integer(min(classes))} classes cannot "
        f"fall below {decimal(floor, 3)}; the source's are "
        f"{listing([decimal(loss, 3) for loss in losses])}."
    )
    twice = filter_arms.pick(found, "softmax_twice", "test_percent")
    base = filter_arms.pick(found, "plain", "test_percent")
    names = ("training with two softmaxes", "with one")
    return Tex(f"{said} {compared(twice, base, names, filter_arms.n_test(found))}")


def _test(found: pd.DataFrame, reported: Reported) -> Tex:
    plain, pruned = (
        reported.entry(SEED, f"filters.{which}").values for which in ("plain", "pruned")
    )
    share = pruned["n_correct"] / pruned["n_examples"]
    error = 100 * _NORMAL_975 * math.sqrt(share * (1 - share) / pruned["n_examples"])
    text = (
        f"The accuracy without penalty is of {integer(plain['n_correct'])} out of "
        f"{integer(plain['n_examples'])} images, the one with it of {integer(pruned['n_correct'])} out of "
        f"{integer(pruned['n_examples'])}: one batch, which leaves an error of $\\pm${decimal(error, 1)} "
        "points."
    )
    gaps = []
    for arm in ARMS:
        pair = (
            filter_arms.pick(found, arm, f"{name}_percent") for name in ("augmented_train", "test")
        )
        gaps += list((next(pair) - next(pair)).dropna())
    if gaps:
        text += (
            " On training images, shifted and mirrored, the accuracy of our networks differs from that on "
            f"the test set by {points(min(gaps))} to {points(max(gaps))} points."
        )
    return Tex(text)


def _script(found: pd.DataFrame, reported: Reported) -> Tex:
    total = reported.entry(SEED, "filters.1.total").values["sparse_percent"]
    named = ("signed", "zeros", "augmented_train", "test")
    signed, zeros, wrong, right = (
        filter_arms.pick(found, "as_printed", f"{name}_percent") for name in named
    )
    if not len(signed):
        return Tex(f"The script with all its defects was {NOT_RUN} at this scale.")
    return Tex(
        f"With all four together the log says {accuracy(signed)} sparse (printed: {percent(total)}) and "
        f"an accuracy of {accuracy(wrong)}; what holds of this network is {accuracy(zeros)} zeros and "
        f"{accuracy(right)} accuracy."
    )


def _lists(reported: Reported) -> Tex:
    n_equal, wholly = 0, []
    names = ("conv1_1.weight", "conv2_1.weight", "conv3_1.weight")
    for block in PRINTED_BLOCKS:
        for name in names:
            counts = list(reported.entry(SEED, f"filters.{block}.by_filter.{name}").values.values())
            layer = reported.entry(SEED, f"filters.{block}.{name}").values
            n_equal += sum(counts) == layer["n_sparse"]
        wholly.append(counts.count(layer["n_weights"] / len(counts)))
    n_lists = len(names) * len(PRINTED_BLOCKS)
    agree = "all" if n_equal == n_lists else f"{integer(n_equal)} of"
    return Tex(
        f"The source's lists by filter add up to its counts by layer in {agree} {integer(n_lists)} "
        rf"cases. {listing([integer(count) for count in wholly])} of {integer(len(counts))} filters "
        r"of \texttt{conv3\_1} are sparse throughout in its two blocks; by its count, that may also mean "
        "that all their weights are negative."
    )
