"""Costs of a step: bytes from the record, seconds from the file beside it, ratios round by round."""

import dataclasses

import pytest
from tests import fake_inclusion

from partial_backprop.errors import UserError
from partial_backprop.experiments.dessilbi import cost_arms, step_costs
from partial_backprop.experiments.dessilbi.inclusion_arms import COST


@pytest.fixture
def run(tmp_path):
    fake_inclusion.write_times(tmp_path)
    (found,) = cost_arms.first_seeds(fake_inclusion.inputs((0, 1), folder=tmp_path).runs)
    return found


def test_bytes_of_the_state_are_summed(run):
    report = step_costs.of(run.record)
    mib = 2**20
    counts = {one.name: one.n_state_bytes() for one in report.optimizers}
    assert counts == {"sgd": 0, "adam": 2 * mib, "dessilbi_mom": 3.5 * mib}


def test_ratios_are_taken_within_a_round(run):
    # In one of the three rounds everything took twice as long.
    found = cost_arms.medians(run)
    assert found["dessilbi_mom"]["times_sgd"] == pytest.approx(1.3)
    assert found["adam"]["times_sgd"] == pytest.approx(1.2)
    assert found["sgd"] == pytest.approx(
        {"step_s": 0.01, "update_s": 0.001, "extra_bytes": float("nan"), "times_sgd": 1},
        nan_ok=True,
    )


def test_the_lowest_seed_of_each_arm_is_shown(run):
    assert (run.record.experiment, run.record.seed) == (COST, 0)


def test_without_times_there_are_none(tmp_path, run):
    elsewhere = dataclasses.replace(run, path=tmp_path / "record.json")
    assert cost_arms.medians(elsewhere) == {}


def test_without_plain_sgd_there_is_no_ratio(run):
    times = run.path.with_name(step_costs.TIMING)
    lines = [line for line in times.read_text().splitlines() if ",sgd," not in line]
    times.write_text("\n".join(lines) + "\n")
    found = cost_arms.medians(run)
    assert set(found) == {"adam", "dessilbi_mom"}
    assert found["adam"]["times_sgd"] != found["adam"]["times_sgd"]


@pytest.mark.parametrize("content", ["", "round,optimizer\n0,sgd\n", "<html>"])
def test_a_damaged_file_is_named(run, content):
    run.path.with_name(step_costs.TIMING).write_text(content)
    with pytest.raises(UserError, match=r"timing\.csv"):
        step_costs.timing(run.path)


def test_a_record_without_costs_is_named(run):
    empty = run.record.model_copy(update={"measurements": {}})
    with pytest.raises(UserError, match="costs"):
        step_costs.of(empty)
