"""Lab 1 from its configuration to its records, without torch."""

import subprocess
import sys

import numpy as np
import pytest
from tests import lab1

from partial_backprop import config
from partial_backprop.errors import UserError
from partial_backprop.experiments.linear_models import results as linear
from partial_backprop.experiments.linear_models import run_linear_lab as linear_lab
from partial_backprop.frames import aggregate
from partial_backprop.inputs import read_inputs
from partial_backprop.recipes.job import Job
from partial_backprop.record import read, write
from partial_backprop.sparse.samples import SPARSEST, X, Y
from partial_backprop.sparse.squares import loss

STRENGTHS = {
    "plain": (None,),
    "projected": (None,),
    "l1": (0.2, 0.5, 1, 2),
    "proximal": (0.2, 0.5, 1, 2),
    "trimmed": (1, 2, 5, 10),
}
"""The λ that the assignment asks for, by method."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return lab1.write_config(tmp_path_factory.mktemp("lab1"))


@pytest.mark.parametrize("arm", lab1.ARMS)
def test_an_arm_leaves_every_update_of_every_strength(arm, tmp_path):
    record = lab1.records()[arm]
    report = linear.of(record)
    method = record.config.recipe["method"]
    n_updates = 200 * (1 if "full_batch" in arm else 3)
    assert tuple(course.strength for course in report.courses) == STRENGTHS[method]
    for course in report.courses:
        assert len(course.losses) == len(course.weights) == n_updates + 1
        assert course.weights[0] == (0, 0, 0, 0, 0)
        assert course.losses[-1] == loss(np.array(course.weights[-1]), X, Y)
    write(record, tmp_path / "record.json")
    assert (tmp_path / "record.json").stat().st_size < 1e6


def test_every_method_of_the_lab_runs_in_both_orders():
    wanted = {f"{method}_{order}" for method in STRENGTHS for order in ("full_batch", "per_sample")}
    assert wanted | {"projected_per_sweep"} <= set(lab1.ARMS)


@pytest.mark.parametrize(
    "arm", ["projected_full_batch", "projected_per_sweep", "trimmed_full_batch"]
)
def test_the_sparsest_solution_is_reached(arm):
    for course in linear.of(lab1.records()[arm]).courses:
        np.testing.assert_allclose(course.weights[-1], SPARSEST, atol=1e-12)
        assert course.losses[-1] < 1e-26


def test_the_same_run_twice_gives_the_same_record(folder, tmp_path):
    again = read(lab1.run(folder, "l1_per_sample", tmp_path))
    assert again.reproducible() == lab1.records()["l1_per_sample"].reproducible()


def test_a_record_has_no_data_network_or_training():
    for record in lab1.records().values():
        assert record.data is record.network is record.freezing is None
        assert record.config.training is record.config.network is None
        assert record.selections == ()


def test_aggregates_leave_the_lab_out():
    runs = lab1.inputs().runs
    assert aggregate.runs_frame(runs).empty
    assert aggregate.layers_frame(runs).empty


def test_the_command_loads_no_torch(folder, tmp_path):
    words = [
        "train", "lab1", "plain_full_batch", "0", "--scale", lab1.SCALE,
        "--config", str(folder), "--out", str(tmp_path),
    ]  # fmt: skip
    code = (
        f"import sys; from partial_backprop.cli import main; status = main({words});"
        "sys.exit(status or 10 * ('torch' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    inputs = read_inputs(lab1.SCALE, [tmp_path / "record.json"], config_dir=folder)
    (run,) = inputs.runs
    assert run.record.reproducible() == lab1.records()["plain_full_batch"].reproducible()
    assert run.record.provenance.threads == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "lasso"}, "'lasso'.*projected"),
        ({"method": "plain", "order": "shuffled"}, "unknown order 'shuffled'"),
        ({"method": "projected", "ties": "none"}, "'none'"),
        ({"method": "l1"}, "l1 needs strengths"),
        ({"method": "plain", "strengths": (1.0,)}, "strengths"),
        ({"method": "l1", "strengths": (-1.0,)}, "strengths"),
        ({"method": "plain", "order": "per_sweep"}, "per_sweep"),
        ({"method": "projected", "n_nonzero": 6}, "n_nonzero"),
        ({"method": "plain", "learning_rate": 0.0}, "learning_rate must be positive"),
        ({"method": "plain", "learning_rate": 1e9}, "learning_rate"),
        ({"method": "plain", "steps": 0}, "steps"),
    ],
)
def test_options_that_cannot_be_are_told(folder, tmp_path, options, said):
    resolved = config.resolve(lab1.SCALE, "lab1", "plain_full_batch", 0, folder)
    with pytest.raises(UserError, match=f"lab1/plain_full_batch: .*{said}"):
        linear_lab.run(resolved, Job(tmp_path, tmp_path, None), **options)
    assert not (tmp_path / "record.json").exists()
