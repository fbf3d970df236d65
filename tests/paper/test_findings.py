"""Sentences follow the data: each rule is shown a frame whose verdict can be read off."""

import math
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.intervals import Difference
from partial_backprop.paper import claims, compare, findings, in_short, printed

VGG, RESNET, LENET = "vgg19_cifar10", "resnet110_cifar10", "lenet5_mnist"


def test_verdict_is_the_interval_s_place():
    assert compare.verdict(Difference(-1, -2, -0.1, 3)) == "lower"
    assert compare.verdict(Difference(1, 0.1, 2, 3)) == "higher"
    assert compare.verdict(Difference(0, -1, 1, 3)) == "unresolved"
    assert compare.verdict(Difference(0, 0, 0, 3)) == "unresolved"
    assert compare.verdict(Difference(1, math.nan, math.nan, 1)) == "single"


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6), st.floats(0, 5))
def test_a_claim_supported_within_a_margin_is_so_within_a_larger_one(values, margin):
    low, high = min(values), max(values)
    value = Difference((low + high) / 2, low, high, len(values))
    if claims.within(margin)(value) == "supported":
        assert claims.within(margin + 1)(value) == "supported"
        assert claims.within(margin)(value) != claims.within(margin - 20)(value)


def test_a_loss_beyond_the_seeds_is_called_one(frame, printed_numbers):
    # Differences -2.0, -2.1, -1.9: mean -2, half width 4.303 · 0.1 / √3 = 0.248.
    made = frame({(VGG, "fb"): [80, 81, 82], (VGG, "pb"): [78, 78.9, 80.1]})
    said = findings.sentences(made, printed_numbers)["accuracy"]
    assert r"\emph{PB is less accurate than FB} on VGG19 on scenes" in said
    assert r"$-2.00$ $[-2.25,\,-1.75]$" in said
    short = in_short.sentences(made, printed_numbers)["accuracy"]
    assert "excludes zero for the one network (one a loss)" in short
    judged = claims.judge(made, printed_numbers)["cost"]
    assert judged.startswith(r"\emph{Contradicted} for VGG19 on scenes")


def test_a_difference_within_the_seeds_is_not_called_equality(frame, printed_numbers):
    made = frame({(VGG, "fb"): [80, 81, 82], (VGG, "pb"): [85, 80, 79]})
    said = findings.sentences(made, printed_numbers)["accuracy"]
    assert r"\emph{PB cannot be told from FB} with three paired seeds on VGG19" in said
    assert "equal" not in said
    assert "Undecided" in claims.judge(made, printed_numbers)["cost"]


def test_one_seed_has_no_interval(frame, printed_numbers):
    made = frame({(LENET, "fb"): [98], (LENET, "pb"): [97.5], (LENET, "pb_random"): [97]})
    said = findings.sentences(made, printed_numbers)
    assert said["accuracy"] == (
        "LeNet-5 on digits ($-0.50$): PB minus FB on one seed, which gives no interval."
    )
    judged = claims.judge(made, printed_numbers)
    for claim in ("cost", "choice"):
        assert judged[claim].startswith(r"\emph{Undecided, for want of a second seed,}")
    short = in_short.sentences(made, printed_numbers)
    assert "on a single seed" in short["accuracy"]
    assert "$+0.50$ points, on a single seed" in short["random"]
    assert "interval" not in short["random"]


@pytest.mark.parametrize(
    ("random", "word", "conclusion"),
    [
        ([70, 71, 72], "Supported", "does tell something"),
        ([90, 91, 92], "Contradicted", "some evidence to the contrary"),
        ([85, 80, 79], "Undecided", "there is no evidence here"),
    ],
)
def test_the_random_mask_decides_what_the_gradient_is_worth(
    frame, printed_numbers, random, word, conclusion
):
    made = frame({(VGG, "fb"): [80, 81, 82], (VGG, "pb"): [80, 81, 82], (VGG, "pb_random"): random})
    assert word in claims.judge(made, printed_numbers)["choice"]
    assert conclusion in in_short.sentences(made, printed_numbers)["conclusion"]


def test_a_mixed_result_is_told_as_such(frame, printed_numbers):
    same, worse = [80, 81, 82], [70, 71.1, 72]
    made = frame(
        {
            (VGG, "pb"): same,
            (VGG, "pb_random"): worse,
            (RESNET, "pb"): same,
            (RESNET, "pb_random"): [85, 80, 79],
        }
    )
    short = in_short.sentences(made, printed_numbers)
    assert (
        "is better on one of two networks and cannot be told from it on one of two"
        in short["random"]
    )


@pytest.mark.parametrize(("drift", "word"), [(0.009, "Contradicted"), (0.0, "Supported")])
def test_drift_decides_whether_masked_weights_are_frozen(frame, printed_numbers, drift, word):
    arm = (VGG, "pb_gradient")
    made = frame(
        {arm: [80, 81], (VGG, "pb"): [80, 81]},
        drift_mean_abs={arm: drift / 3, (VGG, "pb"): 0.0},
        drift_max_abs={arm: drift, (VGG, "pb"): 0.0},
        unmoved_percent={arm: 12.0, (VGG, "pb"): 80.0},
        mask_zeros_percent={arm: 80.0, (VGG, "pb"): 80.0},
    )
    assert word in claims.judge(made, printed_numbers)["freezing"]
    said = findings.sentences(made, printed_numbers)["modes"]
    assert ("does not freeze" in said) == (drift > 0)
    assert said.endswith("In the strict mode no masked weight changed at all.")
    if drift:
        assert r"80.0\,\% masked but 12.0\,\% unmoved" in said
        assert (
            r"masks 80\,\% of them, but only 12\,\%"
            in in_short.sentences(made, printed_numbers)["modes"]
        )


def test_a_strict_mode_that_drifts_is_an_error_and_told(frame, printed_numbers):
    drifts = {(VGG, "pb_gradient"): 0.01, (VGG, "pb"): 0.002}
    made = frame(
        {arm: [80, 81] for arm in drifts},
        drift_mean_abs=drifts,
        drift_max_abs=drifts,
        unmoved_percent=dict.fromkeys(drifts, 1.0),
        mask_zeros_percent=dict.fromkeys(drifts, 80.0),
    )
    said = findings.sentences(made, printed_numbers)["modes"]
    assert "by up to 0.002: an error of this implementation" in said


def test_whole_filters_are_compared_where_both_arms_ran(frame, printed_numbers):
    shares = {(VGG, "pb_filters"): 86.6, (VGG, "pb"): 82.8}
    accuracies = {(VGG, "pb_filters"): [49, 50], (VGG, "pb"): [65, 66], (LENET, "pb"): [99]}
    shares_of_all = {**shares, (LENET, "pb"): 70.0}
    said = findings.sentences(frame(accuracies, mask_zeros_percent=shares_of_all), printed_numbers)
    assert r"86.6\,\% instead of 82.8\,\% for VGG19" in said["filters"]
    assert "LeNet" not in said["filters"]
    assert "-16.0" in said["filters_accuracy"]


def test_least_frozen_is_compared_with_the_source_s_resnet(frame, printed_numbers):
    arms = {(VGG, "pb"): 70.0, (RESNET, "pb"): 50.0}
    accuracies = {arm: [80.0, 81.0] for arm in arms}
    made = frame(accuracies, mask_zeros_percent=arms)
    assert "Supported" in claims.judge(made, printed_numbers)["least_frozen"]
    made = frame(accuracies, mask_zeros_percent={**arms, (VGG, "pb"): 30.0})
    assert "Contradicted" in claims.judge(made, printed_numbers)["least_frozen"]


def test_margin_is_the_largest_loss_of_the_source_s_first_table(printed_numbers):
    # Seed 001, Table 1, ResNet-110: 83.72 - 82.81.
    assert printed.margin(printed_numbers) == pytest.approx(83.72 - 82.81)


def test_printed_difference_is_placed_by_the_interval_of_the_same_protocol(frame, printed_numbers):
    # Seed 001, Table 2, VGG19: 87.70 - 88.12 = -0.42.
    inside = frame({(VGG, "fb"): [80, 81, 82], (VGG, "pb"): [79.6, 80.5, 81.7]})
    said = printed.sentences(inside, printed_numbers)["differences"]
    assert re.search(r"printed \$-0\.42\$ \(inside our interval\)", said)
    outside = frame({(VGG, "fb"): [80, 81, 82], (VGG, "pb"): [82, 83.1, 84]})
    assert "(outside it)" in printed.sentences(outside, printed_numbers)["differences"]


def test_only_the_source_s_own_conditions_count_as_alike(frame, printed_numbers):
    made = frame({(LENET, "fb"): [99.0], (LENET, "pb"): [99.0]})
    assert printed.like_with_like(made, printed_numbers) == []
    alike = made.assign(data="mnist", full_size=True, epochs=110)
    assert printed.like_with_like(alike, printed_numbers) == [LENET]
    for change in ({"data": "digits"}, {"full_size": False}, {"epochs": 109}):
        assert printed.like_with_like(alike.assign(**change), printed_numbers) == []
    assert "orientation only" in printed.sentences(made, printed_numbers)["conditions"]
    assert (
        "are the source's for LeNet-5 on MNIST"
        in printed.sentences(alike, printed_numbers)["conditions"]
    )


def test_without_runs_every_sentence_says_so_or_nothing(printed_numbers):
    nothing = pd.DataFrame()
    judged = claims.judge(nothing, printed_numbers)
    assert all(r"\emph{Not tested}" in verdict for verdict in judged.values())
    said = findings.sentences(nothing, printed_numbers) | in_short.sentences(
        nothing, printed_numbers
    )
    for text in said.values():
        assert not text or re.search(r"not run|Nothing can|not tested", text)
        names = "LeNet-5|VGG19|ResNet-110|DenseNet-121|bfloat16"
        assert not re.search(r"\d", re.sub(names, "", text))


def test_a_stand_in_is_never_called_by_the_name_of_what_it_stands_for(frame, printed_numbers):
    made = frame({(LENET, "fb"): [98, 97], (LENET, "pb"): [97.5, 97]})
    for text in findings.sentences(made, printed_numbers).values():
        assert "MNIST" not in text
