"""A trained network, pruned while it is fine-tuned: zeros, files that are what they say, resumed runs."""

import pytest
import torch
from tests.runs import each_once, run, write_config

from partial_backprop import config
from partial_backprop.errors import UserError
from partial_backprop.measurements import sizes
from partial_backprop.recipes.run import RunCheckpoint
from partial_backprop.record import read

CPU = torch.device("cpu")
TRAINING = {
    "epochs": 3,
    "shared_epochs": 0,
    "batch_size": 25,
    "milestones": [],
    "optimizer": {"name": "adam", "learning_rate": 0.001},
}
COMMON = {
    "title": "R",
    "data": {"role": "mnist"},
    "network": {"name": "lenet5", "width": 0.5},
    "training": TRAINING,
}
RECIPE = {"name": "weight_prune", "start": "trained/float", "frequency": 7, "ramp_epochs": 2}
ARMS = {
    "pruned": {},
    "dense": {"recipe": {"initial": 0.0, "final": 0.0}},
    "shifted": {"recipe": {"padding": 2}},
    "no_share": {"recipe": {"final": 1.0}},
    "too_long": {"recipe": {"ramp_epochs": 4}},
    "too_fast": {"training": {"optimizer": {"name": "sgd", "learning_rate": 1e30}}},
}
SCALE = {
    "title": "a test",
    "seeds": [0],
    "roles": {"mnist": {"dataset": {"name": "digits"}, "n_validation": 60}},
    "experiments": {"trained": {}, "weights": {}},
}
EXPERIMENTS = {
    "trained": COMMON | {"recipe": {"name": "pretrain", "padding": None}, "arms": {"float": {}}},
    "weights": COMMON | {"recipe": RECIPE, "arms": ARMS},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Configuration folder with a pretraining and a pruning at the scale ``s``."""
    return write_config(tmp_path_factory.mktemp("config"), SCALE, EXPERIMENTS)


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """Function from experiment and arm to the folder of its finished run, each made once."""
    return each_once(folder, tmp_path_factory.mktemp)


def report(folder):
    return sizes.of(read(folder / "record.json"))


def weights(folder):
    return torch.load(folder / "weights.pt", weights_only=True)


def history(folder):
    return (folder / "history.csv").read_text().splitlines()[1:]


def test_zeros_are_those_of_the_schedule_and_stay(finished):
    found, state = report(finished("weights", "pruned")), weights(finished("weights", "pruned"))
    assert [layer.name for layer in found.layers] == [
        "features.0", "features.3", "classifier.0", "classifier.2", "classifier.4"
    ]  # fmt: skip
    for layer in found.layers:
        weight = state[f"{layer.name}.weight"]
        assert layer.n_weights == weight.numel()
        assert (
            layer.n_zeros
            == int((weight == 0).sum())
            == weight.numel() - round(0.2 * weight.numel())
        )
    assert all(state[name].all() for name in state if name.endswith("bias"))


def test_the_schedule_ends_with_its_epochs(finished):
    record = read(finished("weights", "pruned") / "record.json")
    found = sizes.of(record)
    n_steps = 2 * -(-record.data.n_train // 25)
    steps = [one.step for one in found.schedule]
    assert steps == [*range(0, n_steps, 7), n_steps]
    assert (found.schedule[0].share, found.schedule[-1].share) == (0.5, 0.8)
    assert min(selection.epoch for selection in record.selections) >= 1
    assert len(history(finished("weights", "pruned"))) == 3


def test_it_starts_from_the_trained_network(finished):
    trained = read(finished("trained", "float") / "record.json").selection("last")
    found = report(finished("weights", "pruned"))
    assert found.start == "trained/float"
    assert found.unpruned.test == trained.test
    assert found.unpruned.validation == trained.validation


def test_its_worth_is_that_of_the_last_epoch(finished):
    record = read(finished("weights", "pruned") / "record.json")
    assert sizes.of(record).pruned.test == record.selection("last").test
    last = history(finished("weights", "pruned"))[-1].split(",")
    assert sizes.of(record).pruned.test_loss == pytest.approx(float(last[8]))


def test_files_hold_as_many_numbers_as_are_in_them(finished):
    found = report(finished("weights", "pruned"))
    n_all = sum(tensor.numel() for tensor in weights(finished("weights", "pruned")).values())
    n_prunable, n_tensors = found.n_weights(), 10
    state = 2 * n_all + n_tensors  # two moments a value, a step count a tensor
    expected = {
        "unpruned": n_all,
        "training_state": n_all + n_prunable + state,
        "training_state_masked": n_all + n_prunable + state,
        "masks": n_all + n_prunable,
        "weights": n_all,
        "sparse": n_all,
    }
    assert {file.content: file.n_values for file in found.files} == expected
    for file in found.files:
        if file.content != "sparse":
            # A name, a type and padding for each tensor, and four bytes a number.
            assert 4 * file.n_values < file.n_bytes < 4 * file.n_values + 30_000


def test_files_shrink_as_their_zeros_say(finished):
    found = report(finished("weights", "pruned"))
    dense = report(finished("weights", "dense"))
    for ours in (found.file("unpruned"), dense.file("weights")):
        assert ours.n_bytes_zip > 0.85 * ours.n_bytes
    sparse = found.file("sparse")
    # One bit a weight and a fifth of four bytes: 3.1 % and 20 % of the unpruned file.
    assert 0.22 < sparse.n_bytes / found.file("unpruned").n_bytes < 0.26
    for column in ("n_bytes_zip", "n_bytes_zstd"):
        sizes_of = {file.content: getattr(file, column) for file in found.files}
        assert sizes_of["sparse"] < sizes_of["weights"] < sizes_of["masks"] < sizes_of["unpruned"]
        assert sizes_of["training_state_masked"] < 0.6 * sizes_of["training_state"]
    assert found.file("masks").n_bytes > 1.9 * found.file("weights").n_bytes


def test_the_sparse_file_gives_the_same_outputs(finished):
    for arm in ("pruned", "dense"):
        found = report(finished("weights", arm))
        assert found.n_same_outputs == found.pruned.test.n_examples


def test_nothing_is_pruned_where_nothing_is_asked_for(finished):
    found = report(finished("weights", "dense"))
    assert found.n_zeros() == 0
    assert found.n_weights() > 0


def test_images_are_shifted_only_where_it_is_asked_for(finished):
    assert history(finished("weights", "shifted")) != history(finished("weights", "pruned"))


def test_a_resumed_run_ends_with_the_same_record(finished, folder, tmp_path, monkeypatch):
    """Stopped after the first of three epochs, in the middle of the schedule."""
    job = {
        "out": tmp_path,
        "start": finished("trained", "float") / "weights.pt",
        "checkpoints": tmp_path / "unfinished",
        "checkpoint_every_s": 0.0,
    }
    resolved = config.resolve("s", "weights", "pruned", 0, folder)
    save = RunCheckpoint.save

    def stop(self):
        save(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(RunCheckpoint, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        run(resolved, **job)
    monkeypatch.undo()
    assert not (tmp_path / "record.json").exists()
    run(resolved, **job, log=tmp_path / "log")
    assert "resumes after epoch 1" in (tmp_path / "log").read_text()
    straight = finished("weights", "pruned")
    found, expected = (read(path / "record.json") for path in (tmp_path, straight))
    assert found.reproducible() == expected.reproducible()
    assert history(tmp_path) == history(straight)
    assert not list((tmp_path / "unfinished").iterdir())


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("no_share", "recipe of weights/no_share: final must be from 0 to below 1, got 1.0"),
        ("too_long", r"ramp_epochs \(4\) must lie between 1 and the training's 3 epochs"),
        ("too_fast", "cannot be ranked: lower the learning rate"),
    ],
)
def test_options_that_make_no_sense(finished, folder, tmp_path, arm, message):
    start = finished("trained", "float") / "weights.pt"
    with pytest.raises(UserError, match=message):
        run(config.resolve("s", "weights", arm, 0, folder), out=tmp_path, start=start)
    assert not (tmp_path / "record.json").exists()


def test_no_starting_weights(folder, tmp_path):
    with pytest.raises(UserError, match="give them with --start FILE"):
        run(config.resolve("s", "weights", "pruned", 0, folder), out=tmp_path)
