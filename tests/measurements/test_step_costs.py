"""Costs of a step: bytes from the record, seconds from the file beside it, ratios round by round."""

import pytest
from tests import fake_inclusion

from partial_backprop.errors import UserError
from partial_backprop.experiments.dessilbi import step_costs


@pytest.fixture
def run(tmp_path):
    fake_inclusion.write_times(tmp_path)
    runs = fake_inclusion.inputs((0,), folder=tmp_path).runs
    (found,) = [run for run in runs if run.record.experiment == fake_inclusion.COST]
    return found


def test_bytes_of_the_state_are_summed(run):
    report = step_costs.of(run.record)
    mib = 2**20
    counts = {one.name: one.n_state_bytes() for one in report.optimizers}
    assert counts == {"sgd": 0, "adam": 2 * mib, "dessilbi_mom": 3.5 * mib}


@pytest.mark.parametrize("content", ["", "round,optimizer\n0,sgd\n", "<html>"])
def test_a_damaged_file_is_named(run, content):
    run.path.with_name(step_costs.TIMING).write_text(content)
    with pytest.raises(UserError, match=r"timing\.csv"):
        step_costs.timing(run.path)


def test_a_record_without_costs_is_named(run):
    empty = run.record.model_copy(update={"measurements": {}})
    with pytest.raises(UserError, match="costs"):
        step_costs.of(empty)
