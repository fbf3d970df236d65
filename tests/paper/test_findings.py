"""Sentences follow the data: each rule is shown a frame whose verdict can be read off."""

import re

import pandas as pd
import pytest

from partial_backprop.paper import findings

VGG, LENET = "vgg19_cifar10", "lenet5_mnist"


def test_a_difference_stands_with_its_interval(frame, printed_numbers):
    # Differences -2.0, -2.1, -1.9: mean -2, half width 4.303 · 0.1 / √3 = 0.248.
    made = frame({(VGG, "fb"): [80, 81, 82], (VGG, "pb"): [78, 78.9, 80.1]})
    said = findings.sentences(made, printed_numbers)["accuracy"]
    assert "VGG19 on scenes" in said
    assert r"$-2.00$ $[-2.25,\,-1.75]$" in said


@pytest.mark.parametrize("values", [[97.5], [97.5, 97.5, 97.5]])
def test_one_seed_or_no_spread_has_no_interval(frame, printed_numbers, values):
    made = frame({(LENET, "fb"): [98.0] * len(values), (LENET, "pb"): values})
    said = findings.sentences(made, printed_numbers)["accuracy"]
    assert "$-0.50$" in said
    assert "[" not in said


@pytest.mark.parametrize("drift", [0.009, 0.0])
def test_drift_decides_whether_masked_weights_are_frozen(frame, printed_numbers, drift):
    arm = (VGG, "pb_gradient")
    made = frame(
        {arm: [80, 81], (VGG, "pb"): [80, 81]},
        drift_mean_abs={arm: drift / 3, (VGG, "pb"): 0.0},
        drift_max_abs={arm: drift, (VGG, "pb"): 0.0},
        unmoved_percent={arm: 12.0, (VGG, "pb"): 80.0},
        mask_zeros_percent={arm: 80.0, (VGG, "pb"): 80.0},
    )
    said = findings.sentences(made, printed_numbers)["modes"]
    assert ("does not freeze" in said) == (drift > 0)
    assert said.endswith("In the strict mode no masked weight changed at all.")
    if drift:
        assert r"80.0\,\% masked but 12.0\,\% unmoved" in said


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


def test_without_runs_every_sentence_says_so_or_nothing(printed_numbers):
    nothing = pd.DataFrame()
    said = findings.sentences(nothing, printed_numbers)
    for text in said.values():
        assert not text or re.search(r"not run|Nothing can|not tested", text)
        names = "LeNet-5|VGG19|ResNet-110|DenseNet-121|bfloat16"
        assert not re.search(r"\d", re.sub(names, "", text))


def test_a_stand_in_is_never_called_by_the_name_of_what_it_stands_for(frame, printed_numbers):
    made = frame({(LENET, "fb"): [98, 97], (LENET, "pb"): [97.5, 97]})
    for text in findings.sentences(made, printed_numbers).values():
        assert "MNIST" not in text
