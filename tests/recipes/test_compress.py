"""A pretrained network, pruned and quantized: zeros that stay, levels that hold, resumed runs."""

import hashlib
import json

import pytest
import torch
from tests.runs import each_once, run, write_config

from partial_backprop import config
from partial_backprop.errors import UserError
from partial_backprop.measurements import compression
from partial_backprop.recipes import pretrain
from partial_backprop.recipes.run import RunCheckpoint
from partial_backprop.record import read

CPU = torch.device("cpu")
TRAINING = {
    "epochs": 3,
    "shared_epochs": 0,
    "batch_size": 50,
    "milestones": [],
    "optimizer": {
        "name": "sgd",
        "learning_rate": 0.02,
        "momentum": 0.875,
        "weight_decay": 0.01,
    },
}
COMMON = {
    "title": "R",
    "data": {"role": "cifar10"},
    "network": {"name": "resnet20", "width": 0.25},
    "training": TRAINING,
}
RECIPE = {"name": "compress", "start": "trained/float", "ramp_epochs": 2}
ARMS = {
    "finetune": {"sparsities": [0.4, 0.8]},
    "iterative": {"sparsities": [0.8], "iterative": True},
    "iterative_global": {"sparsities": [0.8], "iterative": True, "scope": "global"},
    "bits": {"bits": [4, 2]},
    "iterative_4bit": {"sparsities": [0.8], "iterative": True, "scope": "global", "bits": [4]},
    "no_scope": {"sparsities": [0.8], "scope": "filter"},
    "no_share": {"sparsities": [1.5]},
    "no_target": {"iterative": True},
    "too_long": {"sparsities": [0.8], "iterative": True, "ramp_epochs": 9},
    "no_bits": {"bits": [0]},
}
SCALE = {
    "title": "a test",
    "seeds": [0],
    "roles": {
        "cifar10": {"dataset": {"name": "scenes", "n_train": 250, "n_test": 60}, "n_validation": 50}
    },
    "experiments": {"trained": {}, "lab": {}, "sparse": {}},
}
EXPERIMENTS = {
    "trained": COMMON | {"recipe": {"name": "pretrain"}, "arms": {"float": {}}},
    "lab": COMMON
    | {"recipe": RECIPE, "arms": {name: {"recipe": recipe} for name, recipe in ARMS.items()}},
    "sparse": COMMON
    | {
        "recipe": RECIPE | {"start": "lab/iterative_global"},
        "arms": {
            "kept": {"recipe": {"bits": [3]}},
            "lost": {"recipe": {"bits": [3], "keep_zeros": False}},
        },
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Configuration folder with a pretraining and two labs at the scale ``s``."""
    return write_config(tmp_path_factory.mktemp("config"), SCALE, EXPERIMENTS)


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """Function from experiment and arm to the folder of its finished run, each made once."""
    return each_once(folder, tmp_path_factory.mktemp)


def report(folder):
    return compression.of(read(folder / "record.json"))


def weights(folder):
    return torch.load(folder / "weights.pt", weights_only=True)


def test_pretraining_learns_and_names_what_it_saw(finished):
    record = read(finished("trained", "float") / "record.json")
    assert record.data.name == "scenes"
    assert record.network.name == "resnet20"
    losses = [float(line.split(",")[2]) for line in _history(finished("trained", "float"))]
    assert losses[-1] < losses[0]


def _history(folder):
    return (folder / "history.csv").read_text().splitlines()[1:]


def test_each_setting_is_measured_on_the_starting_weights(finished):
    found = report(finished("lab", "finetune"))
    assert [point.sparsity for point in found.without_finetuning] == [0.4, 0.8]
    for point in found.without_finetuning:
        assert point.sparsity_total() == pytest.approx(point.sparsity, abs=0.002)
    assert found.start_point.sparsity_total() == 0
    trained = read(finished("trained", "float") / "record.json").selection("last")
    assert found.start_point.test == trained.test
    assert found.start_point.validation == trained.validation


@pytest.mark.parametrize("arm", ["finetune", "iterative", "iterative_global", "iterative_4bit"])
def test_pruned_weights_are_zero_at_the_end_of_the_fine_tuning(finished, arm):
    found = report(finished("lab", arm)).finetuned
    state = weights(finished("lab", arm))
    for layer in found.layers:
        n_zeros = int((state[f"{layer.name}.weight"] == 0).sum())
        assert n_zeros == layer.n_zeros
        assert (n_zeros > 0) == layer.prunable
    assert found.sparsity_total() == pytest.approx(0.8, abs=0.002)


def test_layers_share_the_sparsity_or_not(finished):
    by_layer, overall = (
        [one.n_zeros / one.n_weights for one in report(finished("lab", arm)).finetuned.layers]
        for arm in ("iterative", "iterative_global")
    )
    assert max(by_layer) < 0.81
    assert max(overall) > 0.84


def test_a_ramp_reports_only_epochs_at_the_final_sparsity(finished):
    record = read(finished("lab", "iterative") / "record.json")
    assert all(selection.epoch >= 1 for selection in record.selections)
    assert len(_history(finished("lab", "iterative"))) == 3


def test_bits_bound_the_values_of_inner_layers(finished):
    found = report(finished("lab", "bits"))
    assert [point.bits for point in found.without_finetuning] == [4, 2]
    for point in (*found.without_finetuning, found.finetuned):
        first, *inner, last = point.layers
        assert all(layer.n_values <= 2**point.bits for layer in inner)
        assert first.n_values > 2**point.bits
        assert last.n_values > 2**point.bits
    assert any(layer.name.endswith("id_mapping.0.conv") for layer in found.finetuned.layers)


def test_weights_stay_in_floating_point_under_the_quantizer(finished):
    state = weights(finished("lab", "bits"))
    assert state["body_op.0.conv1.0.conv.weight"].unique().numel() > 2**2


def test_zeros_kept_or_lost_in_quantization(finished):
    kept, lost = (report(finished("sparse", arm)).without_finetuning[0] for arm in ("kept", "lost"))
    assert kept.sparsity_total() == pytest.approx(0.8, abs=0.002)
    inner = [layer for layer in lost.layers if layer.name.startswith("body_op")]
    assert sum(layer.n_zeros for layer in inner) < 0.1 * sum(layer.n_weights for layer in inner)


def test_a_resumed_run_ends_with_the_same_record(finished, folder, tmp_path, monkeypatch):
    """Stopped after two of three epochs, that is after the last step of the ramp."""
    resolved = config.resolve("s", "lab", "iterative", 0, folder)
    job = {
        "out": tmp_path,
        "start": finished("trained", "float") / "weights.pt",
        "checkpoints": tmp_path / "unfinished",
        "checkpoint_every_s": 0.0,
    }
    save, n_saved = RunCheckpoint.save, []

    def stop_after_two(self):
        save(self)
        n_saved.append(1)
        if len(n_saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunCheckpoint, "save", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        run(resolved, **job)
    assert not (tmp_path / "record.json").exists()
    run(resolved, **job, log=tmp_path / "log")
    assert "resumes after epoch 2" in (tmp_path / "log").read_text()
    straight = finished("lab", "iterative")
    found, expected = (read(path / "record.json") for path in (tmp_path, straight))
    assert found.reproducible() == expected.reproducible()
    assert _history(tmp_path) == _history(straight)
    assert not list((tmp_path / "unfinished").iterdir())


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("no_scope", "scope must be layer or global, got 'filter'"),
        ("no_share", r"sparsities must lie between 0 and 1, got \[1.5\]"),
        ("no_target", "needs a share to reach"),
        ("too_long", r"ramp_epochs \(9\) must lie between 1 and the training's 3 epochs"),
        ("no_bits", "bits"),
    ],
)
def test_options_that_make_no_sense(finished, folder, tmp_path, arm, message):
    start = finished("trained", "float") / "weights.pt"
    with pytest.raises(UserError, match=message):
        run(config.resolve("s", "lab", arm, 0, folder), out=tmp_path, start=start)


def test_no_starting_weights(folder, tmp_path):
    with pytest.raises(UserError, match="give them with --start FILE"):
        run(config.resolve("s", "lab", "bits", 0, folder), out=tmp_path)


def test_a_users_weights_are_scored_in_the_precision_that_is_asked_for(
    finished, folder, tmp_path, monkeypatch
):
    resolved = config.resolve("s", "trained", "float", 0, folder)
    recipe = resolved.recipe | {"checkpoint": str(finished("trained", "float") / "weights.pt")}
    training = resolved.training.model_copy(update={"precision": "bf16"})
    asked = []

    def evaluate(*what, precision):
        asked.append(precision)
        return pretrain_evaluate(*what, precision=precision)

    pretrain_evaluate = pretrain.evaluate
    monkeypatch.setattr(pretrain, "evaluate", evaluate)
    run(resolved.model_copy(update={"recipe": recipe, "training": training}), out=tmp_path)
    assert asked == ["bf16", "bf16"]


def test_a_users_weights_instead_of_a_training(finished, folder, tmp_path):
    source = finished("trained", "float")
    resolved = config.resolve("s", "trained", "float", 0, folder)
    recipe = resolved.recipe | {"checkpoint": str(source / "weights.pt")}
    run(resolved.model_copy(update={"recipe": recipe}), out=tmp_path)
    record = json.loads((tmp_path / "record.json").read_text())
    assert (
        record["selections"][0]["test"]
        == json.loads((source / "record.json").read_text())["selections"][0]["test"]
    )
    digest = hashlib.sha256((source / "weights.pt").read_bytes()).hexdigest()
    assert record["measurements"]["checkpoint"] == {"file": "weights.pt", "sha256": digest}
    assert all(
        torch.equal(tensor, weights(source)[name]) for name, tensor in weights(tmp_path).items()
    )
    assert _history(tmp_path) == []
