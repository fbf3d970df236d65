"""The schedule hits its end points exactly, never leaves their range, and prunes when it should."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.pruning.polynomial import PolynomialSchedule

shares = st.floats(0, 0.999)
schedules = st.builds(
    lambda begin, length, **options: PolynomialSchedule(begin + length, begin, **options),
    begin=st.integers(0, 1000),
    length=st.integers(1, 5000),
    initial=shares,
    final=shares,
    power=st.floats(0.1, 10),
    frequency=st.integers(1, 500),
)


@given(schedules)
def test_end_points_are_exact(schedule):
    for step in (0, schedule.begin_step):
        assert schedule.share(step) == schedule.initial
    for step in (schedule.end_step, schedule.end_step + 1, 10**9):
        assert schedule.share(step) == schedule.final


@given(schedules, st.data())
def test_the_share_moves_one_way_and_stays_between_its_ends(schedule, data):
    steps = st.integers(schedule.begin_step, schedule.end_step)
    one, other = sorted((data.draw(steps), data.draw(steps)))
    low, high = sorted((schedule.initial, schedule.final))
    assert low - 1e-12 <= schedule.share(one) <= high + 1e-12
    way = math.copysign(1, schedule.final - schedule.initial)
    assert way * (schedule.share(other) - schedule.share(one)) >= -1e-12


@given(schedules)
def test_the_first_and_the_last_pruning_take_place_and_the_rest_is_every_so_often(schedule):
    last = schedule.end_step + schedule.frequency
    prunings = [step for step in range(last + 1) if schedule.prunes_at(step)]
    assert prunings[0] == schedule.begin_step
    assert prunings[-1] == schedule.end_step
    gaps = [b - a for a, b in itertools.pairwise(prunings)]
    assert set(gaps[:-1]) <= {schedule.frequency}
    assert 1 <= gaps[-1] <= schedule.frequency


def test_a_cubic_by_hand():
    # 0.8 - 0.3 · (1 - 1/2)³ = 0.8 - 0.0375 and 0.8 - 0.3 · (1 - 1/4)³ = 0.8 - 0.1265625.
    schedule = PolynomialSchedule(1000)
    assert schedule.share(500) == pytest.approx(0.7625)
    assert schedule.share(250) == pytest.approx(0.6734375)
    assert [step for step in range(0, 1001, 100) if schedule.prunes_at(step)] == [
        *range(0, 1001, 100)
    ]


def test_most_is_pruned_early():
    schedule = PolynomialSchedule(700)
    gains = [schedule.share(step + 100) - schedule.share(step) for step in range(0, 700, 100)]
    assert gains == sorted(gains, reverse=True)


def test_one_pruning_only():
    schedule = PolynomialSchedule(0)
    assert schedule.share(0) == 0.8
    assert [step for step in range(300) if schedule.prunes_at(step)] == [0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initial": -0.1}, "initial must be"),
        ({"final": 1.0}, "final"),
        ({"power": 0}, "power"),
        ({"frequency": 0}, "frequency"),
        ({"begin_step": 11}, "begin_step"),
        ({"begin_step": -1}, "begin_step"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        PolynomialSchedule(10, **options)
