"""The costs of a step are measured without a training, and left in a record."""

import pytest
from tests.runs import run

from partial_backprop.experiments.dessilbi import run_optimizer_cost as optimizer_cost
from partial_backprop.experiments.dessilbi import step_costs


@pytest.fixture(scope="module")
def made(lab):
    return lab.finished("cost", "all"), lab.record("cost", "all")


def test_bytes_are_those_of_the_network(made):
    _, found = made
    report = step_costs.of(found)
    assert report.batch_size == 8
    n = 4 * found.network.n_parameters
    assert report.n_weight_bytes == report.n_gradient_bytes == n
    state = {one.name: one.n_state_bytes() for one in report.optimizers}
    assert list(state) == list(optimizer_cost.OPTIMIZERS)
    assert state["sgd"] == 0
    assert state["sgd_mom"] == n
    assert 2 * n < state["adam"] < 2.1 * n
    assert state["dessilbi_mom"] - state["dessilbi"] == n


def test_every_optimizer_is_timed_in_every_round(made):
    out, _ = made
    times = step_costs.timing(out / "record.json")
    assert times.groupby("optimizer").size().to_dict() == dict.fromkeys(
        optimizer_cost.OPTIMIZERS, 3
    )
    assert (times["step_s"] >= times["update_s"]).all()
    assert times["extra_bytes"].isna().all()


def test_nothing_else_is_left(made):
    out, found = made
    assert {path.name for path in out.iterdir()} == {"record.json", step_costs.TIMING}
    assert found.selections == ()
    assert found.config.training is None
    assert found.data.name == "digits"


def test_bytes_are_the_same_twice(lab, made, tmp_path):
    assert run(lab.resolved("cost", "all"), tmp_path).reproducible() == made[1].reproducible()


def test_some_of_the_optimizers(lab):
    report = step_costs.of(lab.record("cost", "two"))
    assert [one.name for one in report.optimizers] == ["sgd", "adam"]
