"""What is read out of the records of Lab 1."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import lab1

from partial_backprop.errors import UserError
from partial_backprop.experiments.linear_models import results as linear

LOSSES = st.lists(st.floats(0, 1e6), min_size=linear.TAIL_STEPS + 1, max_size=80)


@given(LOSSES, st.integers(0, 40))
def test_settled_means_near_the_last_value_from_there_on_and_not_before(losses, n_still):
    losses = losses + [losses[-1]] * n_still
    tolerance = max(0.01 * losses[-1], 1e-6)
    near = [abs(loss - losses[-1]) <= tolerance for loss in losses]
    found = linear.loss_settled_after(losses)
    if found is None:
        assert not all(near[-linear.TAIL_STEPS - 1 :])
    else:
        assert all(near[found:])
        assert found == 0 or not near[found - 1]
        assert found <= len(losses) - 1 - linear.TAIL_STEPS


def test_a_loss_that_decays_settles_at_a_millionth():
    losses = [10.0**-k for k in range(40)]
    assert linear.loss_settled_after(losses) == 6


def test_weights_settle_when_the_last_of_them_does():
    quick, slow = [2.0**-k for k in range(60)], [1.2**-k for k in range(60)]
    # 1.2^-k ≤ 0.01 + 1.2^-59 from k = 26 on.
    assert linear.weights_settled_after(list(zip(quick, slow, strict=True))) == 26
    moving = [0.01 * k for k in range(60)]
    assert linear.weights_settled_after(list(zip(quick, moving, strict=True))) is None


def test_noise_is_the_largest_late_change():
    losses = [100.0] + [1.0, 1.5] * linear.TAIL_STEPS
    assert linear.noise(losses) == 0.5
    assert linear.noise([1.0] * 50) == 0
    assert linear.noise([3.0]) == 0


def test_the_support_counts_exact_zeros_only():
    assert linear.support((0.0, -3.0, -0.0, 1e-300)) == (2, 4)


def test_reports_come_in_the_order_of_the_lab():
    found = linear.reports(reversed(lab1.records().values()))
    assert list(found) == [
        f"{part.method}_{order}"
        for part in linear.PARTS
        for order in linear.ORDERS
        if f"{part.method}_{order}" in lab1.ARMS
    ]
    assert set(found) == set(lab1.ARMS)


def test_the_lowest_seed_is_taken_and_other_experiments_are_left_out():
    record = lab1.records()["plain_full_batch"]
    other = record.model_copy(update={"seed": 5, "measurements": {}})
    elsewhere = record.model_copy(update={"experiment": "lab2_pruning", "measurements": {}})
    assert list(linear.reports([other, record, elsewhere])) == ["plain_full_batch"]


def test_steps_are_every_third_update_where_there_are_three():
    report = linear.of(lab1.records()["plain_per_sample"])
    (course,) = report.courses
    losses = linear.by_step(report, course.losses)
    assert len(losses) == report.n_steps + 1
    assert losses[1] == course.losses[3]
    assert losses[-1] == course.losses[-1]


def test_a_record_without_descents_is_told():
    record = lab1.records()["plain_full_batch"]
    with pytest.raises(UserError, match=r"lab1/plain_full_batch/seed0.*descents"):
        linear.of(record.model_copy(update={"measurements": {}}))


def test_a_damaged_record_is_told():
    record = lab1.records()["plain_full_batch"]
    damaged = dict(record.measurements[linear.KEY], n_steps=0)
    with pytest.raises(UserError, match=r"\(n_steps.*delete"):
        linear.of(record.model_copy(update={"measurements": {linear.KEY: damaged}}))


def test_the_largest_difference_is_symmetric():
    assert linear.largest_difference((1.0, 2.0), (1.5, 0.0)) == 2
    assert math.isclose(linear.largest_difference((1.5, 0.0), (1.0, 2.0)), 2)
