"""A small network trained with penalties on filters: zeros, removal, defects, log and times."""

import math

import pytest
import torch
import yaml

from partial_backprop import config
from partial_backprop.errors import UserError
from partial_backprop.measurements import filters
from partial_backprop.measurements.filter_log import log_text
from partial_backprop.networks import filter_cnn
from partial_backprop.pruning.removal import remove
from partial_backprop.recipes import filter_prune
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.run import RunCheckpoint
from partial_backprop.record import read

CPU = torch.device("cpu")
SCALE = {
    "title": "a test",
    "seeds": [0],
    "roles": {
        "cifar10": {
            "dataset": {"name": "scenes", "n_train": 250, "n_test": 60},
            "n_validation": 50,
        }
    },
    "experiments": {"e": {}, "chainless": {}},
}
STRONG = {"strength": 0.01}
SCRIPT = {"signed": True, "softmax_twice": True, "test_on_train": True}
ARMS = {
    "plain": {},
    "filters": STRONG | {"penalty": "filters"},
    "channels": STRONG | {"penalty": "channels"},
    "late": STRONG | {"penalty": "filters", "start_epoch": 2},
    "never": STRONG | {"penalty": "filters", "start_epoch": 3},
    "squares": STRONG | {"penalty": "squares"},
    "script": STRONG | {"penalty": "squares"} | SCRIPT,
    "unknown": {"penalty": "rows"},
    "backwards": {"penalty": "filters", "strength": -1.0},
    "below": {"threshold": -1.0},
}
EXPERIMENT = {
    "title": "E",
    "data": {"role": "cifar10"},
    "network": {"name": "filter_cnn", "width": 0.125},
    "recipe": {"name": "filter_prune"},
    "training": {
        "epochs": 3,
        "shared_epochs": 0,
        "batch_size": 50,
        "milestones": [2],
        "optimizer": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
    },
    "arms": {name: {"recipe": recipe} for name, recipe in ARMS.items()}
    | {"adam": {"recipe": ARMS["filters"], "training": {"optimizer": {"name": "adam"}}}},
}
CHAINLESS = EXPERIMENT | {"network": {"name": "resnet20", "width": 0.25}}


@pytest.fixture(scope="module")
def resolved(tmp_path_factory):
    """Function from an arm to its configuration."""
    path = tmp_path_factory.mktemp("config")
    files = {
        "scales/s": SCALE, "experiments/e": EXPERIMENT, "experiments/chainless": CHAINLESS
    }  # fmt: skip
    for name, content in files.items():
        (path / f"{name}.yaml").parent.mkdir(exist_ok=True)
        (path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return lambda arm, experiment="e": config.resolve("s", experiment, arm, 0, path)


def run(resolved, out, **job):
    """Run a configuration as the command line does."""
    recipe = {key: value for key, value in resolved.recipe.items() if key != "name"}
    filter_prune.run(resolved, Job(out=out, data_root=out, device=CPU, **job), **recipe)


@pytest.fixture(scope="module")
def finished(resolved, tmp_path_factory):
    """Function from an arm to the folder of its finished run, each made once."""
    folders = {}

    def make(arm):
        if arm not in folders:
            folders[arm] = tmp_path_factory.mktemp(arm)
            run(resolved(arm), folders[arm])
        return folders[arm]

    return make


def report(folder):
    return filters.of(read(folder / "record.json"))


def trained(folder):
    model = filter_cnn.build((3, 32, 32), 10, width=0.125)
    model.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
    return model


@pytest.mark.parametrize("arm", ["filters", "channels"])
def test_groups_become_zero_and_can_be_removed(finished, arm):
    folder = finished(arm)
    found, model = report(folder), trained(folder)
    n_zeros = sum(int((parameter == 0).sum()) for parameter in model.parameters())
    assert (
        0.2
        < n_zeros / found.total("n_weights")
        <= found.total("n_zeros") / found.total("n_weights")
    )
    assert found.small.n_parameters < 0.9 * found.whole.n_parameters
    assert found.small.n_multiply_adds < found.whole.n_multiply_adds
    assert found.small.n_bytes < found.whole.n_bytes
    smaller = remove(model)
    assert sum(parameter.numel() for parameter in smaller.parameters()) == found.small.n_parameters
    images = torch.randn(8, 3, 32, 32)
    torch.testing.assert_close(smaller.eval()(images), model.eval()(images), rtol=1e-4, atol=1e-5)
    assert found.largest_difference <= 1e-4 * max(found.largest_output, 1)
    assert found.small_test == found.test.count


@pytest.mark.parametrize("arm", ["plain", "squares", "script"])
def test_without_the_root_or_the_penalty_nothing_can_be_removed(finished, arm):
    found = report(finished(arm))
    assert found.small == found.whole
    assert found.largest_difference == 0
    assert found.total("n_zeros") < 0.01 * found.total("n_weights")
    assert found.total("n_signed") > 0.3 * found.total("n_weights")


def test_a_late_penalty_changes_nothing_before(finished):
    late, plain = (
        (finished(arm) / "history.csv").read_text().splitlines() for arm in ("late", "plain")
    )
    assert late[:3] == plain[:3]  # the heading, and two epochs
    assert late[3] != plain[3]


def test_the_sum_of_squares_shrinks_the_weights(finished):
    plain, squares = (trained(finished(arm)).fc1.weight.norm() for arm in ("plain", "squares"))
    assert squares < plain


def test_two_softmaxes_bound_the_loss_from_below(finished):
    found = report(finished("script"))
    floor = math.log(1 + 9 / math.e)
    assert floor == pytest.approx(1.461, abs=1e-3)
    for scored in (found.test, found.augmented_train):
        assert scored.loss >= floor
    losses = [
        float(line.split(",")[2])
        for line in (finished("script") / "history.csv").read_text().splitlines()[1:]
    ]
    assert min(losses) >= floor
    assert not trained(finished("script"))._forward_hooks


def test_both_kinds_of_test_are_in_every_record(finished):
    for arm in ("plain", "script"):
        record, found = read(finished(arm) / "record.json"), report(finished(arm))
        assert found.test.count == record.selection("last").test
        assert found.best_test == record.selection("paper_protocol").test
        assert found.augmented_train.count.n_examples == record.data.n_train == 200


def test_the_log_is_that_of_the_record(finished, resolved):
    for arm in ("filters", "script"):
        text = (finished(arm) / "log.txt").read_text(encoding="utf-8")
        assert text == log_text(report(finished(arm)), resolved(arm).recipe)
    assert "/200)" in text  # the training images, called test


def test_times_are_measured_in_pairs_beside_the_record(finished):
    times = filters.timing(finished("filters") / "record.json")
    assert len(times) == 31
    assert (times > 0).all().all()
    assert "_s" not in " ".join(report(finished("filters")).model_dump())


def test_a_resumed_run_ends_with_the_same_record(finished, resolved, tmp_path, monkeypatch):
    job = {"checkpoints": tmp_path / "unfinished", "checkpoint_every_s": 0.0}
    save, n_saved = RunCheckpoint.save, []

    def stop_after_two(self):
        save(self)
        n_saved.append(1)
        if len(n_saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunCheckpoint, "save", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        run(resolved("filters"), tmp_path, **job)
    assert not (tmp_path / "record.json").exists()
    run(resolved("filters"), tmp_path, **job, log=tmp_path / "log")
    assert "resumes after epoch 2" in (tmp_path / "log").read_text()
    found, expected = (
        read(path / "record.json").reproducible() for path in (tmp_path, finished("filters"))
    )
    assert found == expected


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("unknown", "penalty must be one of none, filters, channels, squares, got 'rows'"),
        ("backwards", "strength must be 0 or more"),
        ("below", "threshold must be 0 or more"),
        ("never", r"start_epoch \(3\) must lie within the training's 3 epochs"),
        ("adam", "need the optimizer sgd"),
    ],
)
def test_options_that_make_no_sense(resolved, tmp_path, arm, message):
    with pytest.raises(UserError, match=message):
        run(resolved(arm), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_network_that_is_no_chain_is_told(resolved, tmp_path):
    with pytest.raises(UserError, match="is a LabResNet, not a sequence of layers"):
        run(resolved("filters", "chainless"), tmp_path)
