"""What benchmarks leave: read back as it was written, or an error."""

import math

import pytest
from tests import fake_performance

from partial_backprop import performance
from partial_backprop.errors import UserError
from partial_backprop.performance import Goal


def test_what_is_written_is_read(tmp_path):
    found = fake_performance.found()
    paths = [performance.write(one, tmp_path / "bench") for one in reversed(found)]
    assert {path.name for path in paths} == {"growth.json", "kde.json", "loop.json"}
    assert performance.read(paths) == found
    assert performance.read([]) == ()


@pytest.mark.parametrize("text", ["", "{}", '{"name": "loop", "unknown": 1}'])
def test_a_damaged_file_is_told_with_the_remedy(tmp_path, text):
    path = tmp_path / "loop.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"loop\.json .*make bench") as caught:
        performance.read([path])
    assert "\n" not in str(caught.value)


def test_a_goal_is_a_bound_on_one_side():
    least, most = Goal(value=2.0, at_least=True), Goal(value=2.0, at_least=False)
    assert [least.is_met(value) for value in (1.9, 2.0, 2.1)] == [False, True, True]
    assert [most.is_met(value) for value in (1.9, 2.0, 2.1)] == [True, True, False]


def test_the_exponent_is_that_of_the_last_two_points():
    assert fake_performance.curve("a", 5.0, 0.1, 1.0).exponent() == pytest.approx(1)
    assert fake_performance.curve("a", 1.0, 100.0).exponent() == pytest.approx(2)
    assert math.isnan(fake_performance.curve("a", 1.0).exponent())
    assert math.isnan(fake_performance.curve("a", 0.0, 1.0).exponent())


def test_quantities_and_curves_are_found_by_name():
    growth, _, loop = fake_performance.found()
    assert loop.quantity("lenet5").title == "LeNet-5"
    assert loop.quantity("nosuch") is None
    assert growth.curve("jobs_time").axis == "jobs"
    assert growth.curve("nosuch") is None
