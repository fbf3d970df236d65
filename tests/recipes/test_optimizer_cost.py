"""The costs of a step are measured without a training, and left in a record."""

import pytest
import torch
import yaml

from partial_backprop import config, record
from partial_backprop.errors import UserError
from partial_backprop.measurements import step_costs
from partial_backprop.recipes import optimizer_cost
from partial_backprop.recipes.job import Job

EXPERIMENT = {
    "title": "cost",
    "data": {"role": "mnist"},
    "network": {"name": "lenet5", "width": 0.5},
    "recipe": {"name": "optimizer_cost", "batch_size": 8, "rounds": 3, "warm_up": 1},
    "arms": {
        "all": {},
        "two": {"recipe": {"optimizers": ["sgd", "adam"]}},
        "unknown": {"recipe": {"optimizers": ["sgd", "newton"]}},
        "none": {"recipe": {"optimizers": []}},
        "no_rounds": {"recipe": {"rounds": 0}},
    },
}
SCALE = {
    "title": "a test",
    "seeds": [0],
    "roles": {"mnist": {"dataset": {"name": "digits"}, "n_validation": 60}},
    "experiments": {"cost": {}},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("config")
    for name, content in (("scales/s", SCALE), ("experiments/cost", EXPERIMENT)):
        (folder / f"{name}.yaml").parent.mkdir()
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))

    def measure(arm, out):
        resolved = config.resolve("s", "cost", arm, 0, folder)
        options = {key: value for key, value in resolved.recipe.items() if key != "name"}
        optimizer_cost.run(resolved, Job(out, out, torch.device("cpu")), **options)
        return record.read(out / "record.json")

    return measure


@pytest.fixture(scope="module")
def made(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return out, run("all", out)


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


def test_bytes_are_the_same_twice(run, made, tmp_path):
    assert run("all", tmp_path).reproducible() == made[1].reproducible()


def test_some_of_the_optimizers(run, tmp_path):
    report = step_costs.of(run("two", tmp_path))
    assert [one.name for one in report.optimizers] == ["sgd", "adam"]


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ("unknown", r"recipe of cost/unknown: unknown optimizer 'newton': choose of sgd"),
        ("none", "name at least one optimizer"),
        ("no_rounds", "rounds must be 1 or more, got 0"),
    ],
)
def test_wrong_options_are_named(run, tmp_path, arm, said):
    with pytest.raises(UserError, match=said):
        run(arm, tmp_path)
    assert not list(tmp_path.iterdir())
