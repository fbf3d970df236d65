"""Trained with gradients zeroed: counts that add up, arms that differ in nothing else, resumed runs."""

import pytest
import torch
import yaml

from partial_backprop import config
from partial_backprop.errors import UserError
from partial_backprop.measurements import gradient_counts
from partial_backprop.recipes import sparsify
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.run import RunCheckpoint
from partial_backprop.record import read

CPU = torch.device("cpu")
N_EPOCHS, N_TRAIN, BATCH = 3, 200, 50
SCALE = {
    "title": "a test",
    "seeds": [0],
    "roles": {
        "cifar10": {"dataset": {"name": "scenes", "n_train": 250, "n_test": 60}, "n_validation": 50}
    },
    "experiments": {"sparsification": {}},
}
EXPERIMENT = {
    "title": "S",
    "data": {"role": "cifar10"},
    "network": {"name": "keras_cnn", "width": 0.125, "dropout": [0.0, 0.0, 0.1, 0.1]},
    "recipe": {"name": "sparsify", "padding": None},
    "training": {
        "epochs": N_EPOCHS,
        "shared_epochs": 0,
        "batch_size": BATCH,
        "milestones": [],
        "optimizer": {"name": "sgd", "learning_rate": 0.02, "momentum": 0.9},
    },
    "arms": {
        **{arm: {"recipe": {"method": arm}} for arm in ("full", "threshold", "random")},
        "nothing": {"recipe": {"method": "threshold", "share": 0}},
        "hardly": {"recipe": {"method": "random", "share": 1e-4}},
        "too_much": {"recipe": {"share": 1}},
        "no_method": {"recipe": {"method": "half"}},
        "shifted": {"recipe": {"method": "full", "padding": 3}},
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Configuration folder with the experiment at the scale ``s``."""
    path = tmp_path_factory.mktemp("config")
    files = {"scales/s": SCALE, "experiments/sparsification": EXPERIMENT}
    for name, content in files.items():
        (path / f"{name}.yaml").parent.mkdir(exist_ok=True)
        (path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return path


def run(folder, arm, out, **job):
    resolved = config.resolve("s", "sparsification", arm, 0, folder)
    options = {key: value for key, value in resolved.recipe.items() if key != "name"}
    sparsify.run(resolved, Job(out=out, data_root=out, device=CPU, **job), **options)
    return read(out / "record.json")


@pytest.fixture(scope="module")
def records(folder, tmp_path_factory):
    """Record of each of the three arms."""
    arms = ("full", "threshold", "random")
    return {arm: run(folder, arm, tmp_path_factory.mktemp(arm)) for arm in arms}


@pytest.mark.parametrize("arm", ["full", "threshold", "random"])
def test_counts_add_up(records, arm):
    found = gradient_counts.of(records[arm])
    assert found.method == arm
    assert found.n_steps == N_EPOCHS * (N_TRAIN // BATCH)
    assert [weight.index for weight in found.weights] == list(range(44))
    n_all, n_trainable = (
        sum(weight.n_entries for weight in found.weights if weight.trainable or everything)
        for everything in (True, False)
    )
    assert n_trainable == records[arm].network.n_parameters
    assert found.n_asked == round(0.4 * n_all)
    assert found.total("n_zeroed", eligible=False) == 0
    zeroed = found.total("n_zeroed")
    if arm == "full":
        assert zeroed == 0
    else:
        # By chance two magnitudes may be equal at the threshold.
        assert zeroed == pytest.approx(found.n_steps * found.n_asked, rel=1e-3)
        assert zeroed >= found.n_steps * found.n_asked
    assert len(found.thresholds) == (N_EPOCHS if arm == "threshold" else 0)


def test_the_smallest_gradients_carry_less_than_as_many_at_random(records):
    small, random = (
        found.total("squares_zeroed") / found.total("squares")
        for found in (gradient_counts.of(records[arm]) for arm in ("threshold", "random"))
    )
    n_eligible = sum(
        weight.n_entries
        for weight in gradient_counts.of(records["random"]).weights
        if weight.eligible
    )
    share = gradient_counts.of(records["random"]).n_asked / n_eligible
    assert small < 0.1
    assert random == pytest.approx(share, abs=0.05)


def _losses(path):
    lines = (path / "history.csv").read_text().splitlines()
    column = lines[0].split(",").index("train_loss")
    return [float(line.split(",")[column]) for line in lines[1:]]


def test_arms_differ_in_the_zeroed_gradients_alone(folder, tmp_path):
    """One zeroed gradient of thousands a step: same weights, order and dropout, so nearly the same loss."""
    for arm in ("full", "hardly"):
        run(folder, arm, tmp_path / arm)
    full, hardly = (_losses(tmp_path / arm)[0] for arm in ("full", "hardly"))
    assert gradient_counts.of(read(tmp_path / "hardly" / "record.json")).n_asked == 1
    assert hardly != full
    assert hardly == pytest.approx(full, rel=1e-3)


def test_the_indices_are_those_of_the_seeds_summary(records):
    weights = gradient_counts.of(records["full"]).weights
    eligible = [weight.index for weight in weights if weight.eligible]
    assert eligible == [6, 12, 18, 24, 30, 36, 42]  # seed 000, line 75, and the 18 that it forgot
    assert (weights[18].layer, weights[18].role) == ("conv2d_3", "kernel")


@pytest.mark.parametrize("arm", ["threshold", "random"])
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
    assert not list((tmp_path / "unfinished").iterdir())


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ("nothing", "n must be from 1"),
        ("too_much", "only .* may be zeroed"),
        ("no_method", "unknown method 'half': choose full, threshold, random"),
    ],
)
def test_options_that_make_no_sense(folder, tmp_path, arm, said):
    with pytest.raises(UserError, match=said):
        run(folder, arm, tmp_path)


def test_images_can_be_shifted(records, folder, tmp_path):
    shifted = run(folder, "shifted", tmp_path)
    history = (tmp_path / "history.csv").read_text().splitlines()
    assert len(history) == 1 + N_EPOCHS
    assert shifted.selection("last").test.n_examples == 60
    squares = [gradient_counts.of(one).total("squares") for one in (shifted, records["full"])]
    assert squares[0] != squares[1]


def test_a_record_without_counts_is_told(records):
    empty = records["full"].model_copy(update={"measurements": {}})
    with pytest.raises(UserError, match="tells nothing of zeroed gradients"):
        gradient_counts.of(empty)
    damaged = records["full"].measurements[gradient_counts.KEY] | {"share": 2}
    wrong = records["full"].model_copy(update={"measurements": {gradient_counts.KEY: damaged}})
    with pytest.raises(UserError, match=r"is damaged \(share"):
        gradient_counts.of(wrong)
