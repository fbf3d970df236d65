"""Trained with activations and gradients in few bits: bytes, variances, resumed runs."""

import pytest
import torch
import yaml

from partial_backprop import config
from partial_backprop.errors import UserError
from partial_backprop.measurements import tinyscript as measurements
from partial_backprop.recipes import tinyscript
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.run import RunCheckpoint
from partial_backprop.record import read

CPU = torch.device("cpu")
N_EPOCHS, N_TRAIN, BATCH = 3, 200, 50
SCALE = {
    "title": "a test",
    "seeds": [0],
    "roles": {
        "mnist": {"dataset": {"name": "digits", "n_train": 250, "n_test": 60}, "n_validation": 50}
    },
    "experiments": {"tinyscript": {}},
}
EXPERIMENT = {
    "title": "T",
    "data": {"role": "mnist"},
    "network": {"name": "lenet5", "width": 0.5},
    "recipe": {"name": "tinyscript", "bits": 2},
    "training": {
        "epochs": N_EPOCHS,
        "shared_epochs": 0,
        "batch_size": BATCH,
        "milestones": [],
        "optimizer": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
    },
    "arms": {
        "float": {"recipe": {"levels": "float"}},
        "uniform": {"recipe": {"levels": "uniform"}},
        "weibull": {"recipe": {"levels": "weibull"}},
        "feedback": {"recipe": {"error_feedback": True}},
        "activations": {"recipe": {"gradients": False}},
        "gradients": {"recipe": {"activations": False}},
        "no_levels": {"recipe": {"levels": "log"}},
        "no_bits": {"recipe": {"bits": 9}},
    },
}
ARMS = ("float", "uniform", "weibull", "feedback", "activations", "gradients")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Configuration folder with the experiment at the scale ``s``."""
    path = tmp_path_factory.mktemp("config")
    for name, content in {"scales/s": SCALE, "experiments/tinyscript": EXPERIMENT}.items():
        (path / f"{name}.yaml").parent.mkdir(exist_ok=True)
        (path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return path


def run(folder, arm, out, **job):
    resolved = config.resolve("s", "tinyscript", arm, 0, folder)
    options = {key: value for key, value in resolved.recipe.items() if key != "name"}
    tinyscript.run(resolved, Job(out=out, data_root=out, device=CPU, **job), **options)
    return read(out / "record.json")


@pytest.fixture(scope="module")
def records(folder, tmp_path_factory):
    """Record of each arm."""
    return {arm: run(folder, arm, tmp_path_factory.mktemp(arm)) for arm in ARMS}


@pytest.mark.parametrize("arm", ARMS)
def test_bytes(records, arm):
    found = measurements.of(records[arm])
    assert found.n_steps == N_EPOCHS * (N_TRAIN // BATCH)
    assert found.activations == (arm not in ("float", "gradients"))
    assert found.gradients == (arm not in ("float", "activations"))
    for name in ("activation", "gradient"):
        after = getattr(found, f"n_{name}_bytes")
        before = getattr(found, f"n_{name}_bytes_before")
        if getattr(found, f"{name}s"):
            assert 3 / 32 * before < after < 0.2 * before
        else:
            assert after == before == 0
    if found.gradients:
        n_parameters = records[arm].network.n_parameters
        assert found.n_gradient_bytes_before == 4 * n_parameters * found.n_steps


def test_magnitudes(records):
    found = measurements.of(records["float"]).magnitudes
    layers = list(dict.fromkeys(one.layer for one in found))
    assert len(found) == 2 * len(layers) == 10
    assert found[0].n_values == BATCH * 28 * 28
    for one in found:
        assert sum(one.bin_counts) + one.n_zeros == one.n_values
        assert one.bin_edges[-1] == pytest.approx(one.largest)
        for variances in (one.uniform_variances, one.weibull_variances):
            assert variances == tuple(sorted(variances, reverse=True))


def test_arms_differ_in_quantization_alone(records):
    weights = {arm: record.selection("last").test.n_correct for arm, record in records.items()}
    assert records["float"].network == records["weibull"].network
    assert min(weights.values()) > 0


@pytest.mark.parametrize("arm", ["weibull", "feedback"])
def test_a_resumed_run_ends_with_the_same_record(records, folder, tmp_path, monkeypatch, arm):
    save, n_saved = RunCheckpoint.save, []

    def stop_after_two(self):
        save(self)
        n_saved.append(1)
        if len(n_saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunCheckpoint, "save", stop_after_two)
    job = {"checkpoints": tmp_path / "unfinished", "checkpoint_every_s": 0.0}
    with pytest.raises(KeyboardInterrupt):
        run(folder, arm, tmp_path, **job)
    assert not (tmp_path / "record.json").exists()
    found = run(folder, arm, tmp_path, **job, log=tmp_path / "log")
    assert "resumes after epoch 2" in (tmp_path / "log").read_text()
    assert found.reproducible() == records[arm].reproducible()


@pytest.mark.parametrize(("arm", "word"), [("no_levels", "weibull"), ("no_bits", "bits")])
def test_options_that_make_no_sense(folder, tmp_path, arm, word):
    with pytest.raises(UserError, match=word):
        run(folder, arm, tmp_path)
