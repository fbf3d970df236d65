"""Truth table of verdicts on results made by hand, and two arms that are the same."""

import math

import numpy as np
import pandas as pd
import pytest
from tests.fake_claims import WHAT, frame, from_bits

from partial_backprop.report import claims, judge
from partial_backprop.report.frame import Results

FB = {"base": {"arm": "fb"}}
ACCURATE = [99.0, 99.1, 98.9, 99.05]
NOISE = [0.00, 0.02, -0.02, 0.01]


def arms(shift, noise=1.0):
    """Results of FB, and of PB that is `shift` points better, over four seeds."""
    pb = [value + shift + noise * part for value, part in zip(ACCURATE, NOISE, strict=True)]
    return Results(frame({"fb": ACCURATE, "pb": pb}))


TABLE = [
    # test, points of PB − FB, noise, further fields, verdict, reason
    ("lower", -0.5, 1, {}, "reproduced", ""),
    ("lower", +0.5, 1, {}, "contradicted", ""),
    ("lower", -0.1, 9, {}, "undecided", "wide"),
    ("higher", +0.5, 1, {}, "reproduced", ""),
    ("higher", -0.5, 1, {}, "contradicted", ""),
    ("higher", +0.5, 1, {"margin": 1.0}, "contradicted", ""),
    ("higher", +1.5, 1, {"margin": 1.0}, "reproduced", ""),
    ("equivalent", -0.01, 1, {"margin": 0.1}, "reproduced", ""),
    ("equivalent", -0.5, 1, {"margin": 0.1}, "contradicted", ""),
    ("equivalent", -0.1, 1, {"margin": 0.1}, "undecided", "wide"),
    ("equivalent", 0.0, 9, {"margin": 0.1}, "undecided", "wide"),
    # A difference, or a margin, of fewer than three of ten thousand images.
    ("lower", -0.025, 0.1, {}, "undecided", "few_images"),
    ("equivalent", 0.0, 0.1, {"margin": 0.025}, "undecided", "few_images"),
    ("lower", -0.5, 0, {}, "undecided", "zero_width"),
]


@pytest.mark.parametrize(("test", "shift", "noise", "fields", "verdict", "reason"), TABLE)
def test_verdicts_on_differences(judged, test, shift, noise, fields, verdict, reason):
    found = judged(arms(shift, noise), test=test, **FB, **fields)
    assert (found.verdict, found.reason) == (verdict, reason)
    assert found.estimate == pytest.approx(shift + noise * np.mean(NOISE))
    assert (found.n_seeds, found.n_images) == (4, 0)


def test_a_loss_may_be_both_real_and_within_the_margin(judged):
    results = arms(-0.06)
    assert judged(results, test="lower", **FB).verdict == "reproduced"
    assert judged(results, test="equivalent", margin=0.5, **FB).verdict == "reproduced"


@pytest.mark.parametrize(
    ("values", "verdict", "reason"),
    [
        ([92.0, 92.5, 92.7, 92.2], "reproduced", ""),
        ([70.0, 70.5, 70.7, 70.2], "contradicted", ""),
        ([60.0, 99.0, 80.0, 95.0], "undecided", "wide"),
        ([92.3], "undecided", "one_seed"),
        ([92.3, 92.3], "undecided", "zero_width"),
    ],
)
def test_verdicts_on_a_reported_value(judged, values, verdict, reason):
    results = Results(frame({"pb": values}, "mask_zeros_percent"))
    found = judged(
        results,
        test="equal",
        what=WHAT | {"metric": "mask_zeros_percent"},
        reported="table_2.lenet5_mnist:frozen_percent",
        margin=5,
    )
    assert (found.verdict, found.reason) == (verdict, reason)
    assert found.reported == 92.36


def test_the_margin_is_a_share_of_the_error_that_the_source_prints(judged):
    accuracy = "table_1.lenet5_mnist:fb_accuracy_percent"
    found = judged(arms(0.0), test="equivalent", margin={"share": 0.1, "of": accuracy}, **FB)
    assert found.margin == pytest.approx(0.075)


def test_the_reported_difference_is_of_two_numbers(judged):
    pair = [f"table_2.lenet5_mnist:{arm}_accuracy_percent" for arm in ("pb", "fb")]
    found = judged(arms(-0.03), test="equal", reported=pair, margin=0.5, **FB)
    assert (found.reported, found.verdict) == (pytest.approx(-0.03), "reproduced")


def test_what_did_not_run_is_not_run(judged):
    for results in (Results(frame({"fb": ACCURATE})), Results(frame({"pb": [1.0]}).iloc[:0])):
        found = judged(results, test="lower", **FB)
        assert (found.verdict, found.reason) == ("not run", "no_records")


def test_only_seeds_that_both_arms_have_are_compared(judged):
    found = judged(Results(frame({"fb": ACCURATE, "pb": [98.0, 98.2]})), test="lower", **FB)
    assert (found.n_seeds, found.estimate) == (2, pytest.approx(-0.95))


@pytest.mark.parametrize(
    ("check", "verdict"),
    [("eligible", "error in the source"), ("total", "reproduced"), ("rows", "reproduced")],
)
def test_sums_are_done_again(judged, check, verdict):
    found = judged(Results(frame({"pb": [1.0]})), test="arithmetic", check=check, what=None)
    assert found.verdict == verdict


def test_nothing_random_needs_one_run(judged):
    results = Results(frame({"pb": [0.0, 0.0]}, "drift_max_abs"))
    what = WHAT | {"metric": "drift_max_abs"}
    assert judged(results, test="exact", what=what).verdict == "reproduced"
    moved = Results(frame({"pb": [0.0, 0.1]}, "drift_max_abs"))
    assert judged(moved, test="exact", what=what).verdict == "contradicted"


def test_another_setting_contradicts_nobody(judged):
    results = Results(frame({"pb": [9.0]}, "setting.epochs"))
    fields = {"test": "setting", "what": WHAT | {"metric": "setting.epochs"}}
    found = judged(results, reported="training:epochs", **fields)
    assert (found.verdict, found.reason) == ("not run", "other_setting")
    assert judged(results, than=9, **fields).verdict == "reproduced"


def right(accuracy, n_seeds, n_images=2000, seed=0):
    """Right images of an arm: hard images are hard for every seed."""
    generator = np.random.default_rng(seed)
    hard = np.random.default_rng(99).random(n_images)
    return generator.normal(accuracy, 0.02, (n_seeds, n_images)) > hard


def test_one_seed_with_images_is_judged_over_images(judged):
    results = from_bits({"fb": right(0.9, 1), "pb": right(0.8, 1, seed=1)})
    found = judged(results, test="lower", **FB)
    assert (found.verdict, found.method, found.n_images) == ("reproduced", "images", 2000)
    assert found.tags == ("one seed",)
    assert len(found.p_mcnemar) == 1
    assert found.p_mcnemar[0] < 0.001


def test_runs_of_which_one_does_not_tell_its_images_are_judged_over_seeds(judged):
    results = from_bits({"fb": right(0.9, 3), "pb": right(0.8, 3, seed=1)})
    del results.bits["lenet5_mnist", "fb", 1, "last"]
    found = judged(results, test="lower", **FB)
    assert (found.method, found.n_images, found.p_mcnemar) == ("t", 0, ())


def test_images_explain_no_other_accuracy_of_the_same_run(judged):
    results = from_bits({"fb": right(0.9, 3), "pb": right(0.8, 3, seed=1)})
    other = results.frame.assign(metric="sparse_accuracy_percent")
    both = Results(pd.concat([results.frame, other]), (), results.bits)
    base = {"metric": "sparse_accuracy_percent"}
    assert judged(both, test="lower", base=base | {"arm": "fb"}).method == "t"
    assert judged(both, test="lower", what=WHAT | base, base={"arm": "fb"}).method == "t"


def test_the_interval_is_the_wider_one(judged):
    results = from_bits({"fb": right(0.9, 4), "pb": right(0.9, 4, seed=1)})
    over_both = judged(results, test="lower", **FB)
    over_seeds = judged(Results(results.frame), test="lower", **FB)
    assert over_both.high - over_both.low >= over_seeds.high - over_seeds.low


def made(printed_numbers, results, **listed):
    listed = {name: {"line": 1, "claim": name, **fields} for name, fields in listed.items()}
    source = claims.Source(source="s", document="001", title="S", conditions={}, claims=listed)
    found = judge.judge([source], results, printed_numbers, draws=500)
    return {one.id: one for one in found}


def test_claims_of_one_source_are_corrected_together(printed_numbers):
    one = {"test": "lower", "what": WHAT, **FB}
    results = arms(-0.07, noise=2)
    alone = made(printed_numbers, results, A=one)["A"]
    assert alone.verdict == "reproduced"
    assert 0.01 < alone.p < 0.05
    many = made(printed_numbers, results, **dict.fromkeys("ABCDEF", one))["A"]
    assert (many.verdict, many.reason) == ("undecided", "holm")
    assert many.p_holm > 0.05 > many.p


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["reproduced", "reproduced"], "reproduced"),
        (["reproduced", "contradicted"], "contradicted"),
        (["reproduced", "not run"], "undecided"),
        (["not run", "not run"], "not run"),
    ],
)
def test_a_claim_made_of_others(printed_numbers, verdicts, expected):
    results = arms(-0.5)
    what = {
        "reproduced": {"test": "lower", "what": WHAT, **FB},
        "contradicted": {"test": "higher", "what": WHAT, **FB},
        "not run": {"test": "lower", "what": WHAT | {"arm": "pb_otsu"}, **FB},
    }
    parts = {f"P{number}": what[verdict] for number, verdict in enumerate(verdicts)}
    found = made(printed_numbers, results, **parts, ALL={"test": "all", "parts": list(parts)})
    assert found["ALL"].verdict == expected


@pytest.mark.slow
@pytest.mark.parametrize("n_seeds", [3, 6])
def test_two_arms_that_are_the_same_are_seldom_called_different(printed_numbers, judged, n_seeds):
    """FB against FB of other seeds, judged as if they were FB and PB, on resampled images."""
    generator = np.random.default_rng(n_seeds)
    n_images, called = 1000, []
    hard = generator.normal(2.0, 1.5, n_images)
    for _ in range(120):
        images = hard[generator.integers(n_images, size=n_images)]
        bits = {}
        for arm in ("fb", "pb"):
            seeds = generator.normal(0.0, 0.15, (n_seeds, 1))
            bits[arm] = generator.random((n_seeds, n_images)) < 1 / (1 + np.exp(-(images + seeds)))
        found = judged(from_bits(bits), draws=300, test="lower", **FB)
        called.append(found.verdict != "undecided")
    assert np.mean(called) <= 0.05


def test_numbers_that_do_not_exist_are_nan(judged):
    found = judged(Results(frame({"pb": [1.0]})), test="none", what=None, reason="no_experiment")
    assert (found.verdict, found.reason) == ("not run", "no_experiment")
    assert math.isnan(found.estimate)
