"""What holds of every recipe: resumed runs, and one line for what a user got wrong."""

from pathlib import Path

import pytest
import torch
import yaml
from tests.recipes.conftest import EXPERIMENTS
from tests.runs import CPU, run, stopped

from partial_backprop.errors import UserError
from partial_backprop.record import read
from partial_backprop.run_config import TRUNK
from partial_backprop.training import checkpoint

ROOT = Path(__file__).parents[2]
RESUMED = [
    ("one", "fb", 1),
    ("one", "pb_gradient", 2),
    ("one", "pb_filters", 1),
    ("trained", "float", 2),
    ("compress", "iterative", 2),  # after the last step of the ramp
    ("filters", "filters", 2),
    ("sparsification", "threshold", 2),
    ("sparsification", "random", 2),
    ("weights", "pruned", 1),  # in the middle of the schedule
    ("tinyscript", "weibull", 2),
    ("tinyscript", "feedback", 2),
    ("finetune", "drawn", 1),
    ("paths", "elements", 2),
    ("paths", "masks", 2),  # before the first mask is read
    ("tickets", "random", 1),
    ("captioning", "pb_gradient", 3),
]
"""Experiment, arm, and the number of checkpoints after which it is stopped."""
TRAINS_NOTHING = {"linear_lab", "optimizer_cost"}
ELSEWHERE = {"encode"}
"""Recipes that ``test_encode`` resumes: they have no epochs."""
NOT_COMPARED = {"timing.csv", "log", "record.json"}


def test_every_recipe_is_resumed():
    """Those that the project's own experiments name."""
    found = set()
    for path in (ROOT / "src").rglob("*.yaml"), (ROOT / "config").rglob("*.yaml"):
        for one in path:
            content = yaml.safe_load(one.read_text(encoding="utf-8"))
            if isinstance(content, dict) and "arms" in content:
                parts = [content, *(content["arms"] or {}).values()]
                recipes = [part.get("recipe") for part in parts if isinstance(part, dict)]
                found |= {recipe.get("name") for recipe in recipes if recipe}
    resumed = {EXPERIMENTS[one]["recipe"]["name"] for one, *_ in RESUMED if one != "one"}
    assert found - {None} <= resumed | TRAINS_NOTHING | ELSEWHERE | {"inclusion_masks"}


@pytest.mark.parametrize(("experiment", "arm", "after"), RESUMED)
def test_a_resumed_run_leaves_the_same_files(lab, tmp_path, monkeypatch, experiment, arm, after):
    resolved = lab.resolved(experiment, arm)
    unfinished = tmp_path / "unfinished"
    job = lab.needs(resolved) | {"checkpoints": unfinished, "checkpoint_every_s": 0.0}
    out = tmp_path / "out"
    stopped(monkeypatch, resolved, out, after, **job)
    assert not (out / "record.json").exists()
    found = run(resolved, out, **job, log=tmp_path / "log")
    assert "resumes after epoch" in (tmp_path / "log").read_text()
    assert not list(unfinished.iterdir())
    straight = lab.finished(experiment, arm)
    assert same_in_all(found) == same_in_all(read(straight / "record.json"))
    names = {path.name for path in straight.iterdir()}
    assert {path.name for path in out.iterdir()} == names
    for name in names - NOT_COMPARED:
        if name.endswith(".pt"):
            assert_same(*(torch.load(at / name, weights_only=True) for at in (out, straight)))
        else:
            assert (out / name).read_bytes() == (straight / name).read_bytes(), name


def same_in_all(record):
    """What two runs have in common: all but provenance, and memory of the process."""
    content = record.reproducible()
    for found in content["measurements"].values():
        for name in [name for name in found if "peak_bytes" in name]:
            del found[name]
    return content


def assert_same(one, other) -> None:
    """The same tensors and numbers, bit for bit."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    else:
        assert one == other


@pytest.mark.parametrize(
    ("experiment", "arm", "options", "word"),
    [
        ("compress", "finetune", {"scope": "filter"}, "scope"),
        ("compress", "finetune", {"sparsities": [1.5]}, "sparsities"),
        ("compress", "finetune", {"sparsities": [], "iterative": True}, "share"),
        ("compress", "iterative", {"ramp_epochs": 9}, "ramp_epochs"),
        ("compress", "bits", {"bits": [0]}, "bits"),
        ("filters", "plain", {"penalty": "rows"}, "penalty"),
        ("filters", "filters", {"strength": -1.0}, "strength"),
        ("filters", "plain", {"threshold": -1.0}, "threshold"),
        ("filters", "filters", {"start_epoch": 3}, "start_epoch"),
        ("filters", "adam", {}, "sgd"),
        ("chainless", "filters", {}, "LabResNet"),
        ("sparsification", "threshold", {"share": 0}, "n must"),
        ("sparsification", "threshold", {"share": 1}, "zeroed"),
        ("sparsification", "full", {"method": "half"}, "threshold, random"),
        ("weights", "pruned", {"final": 1.0}, "final"),
        ("weights", "pruned", {"ramp_epochs": 4}, "ramp_epochs"),
        ("weights", "too_fast", {}, "learning rate"),
        ("tinyscript", "weibull", {"levels": "log"}, "weibull"),
        ("tinyscript", "weibull", {"bits": 9}, "bits"),
        ("finetune", "fb", {"weights": "lost"}, "lost"),
        ("cost", "two", {"optimizers": ["sgd", "newton"]}, "newton"),
        ("cost", "two", {"optimizers": []}, "optimizer"),
        ("cost", "two", {"rounds": 0}, "rounds"),
        ("paths", "adam", {}, "sgd"),
        ("paths", "elements", {"nu": 0.0}, "nu must"),
        ("paths", "masks", {"after": [2, 4]}, "after"),
        ("paths", "too_fast", {}, "learning rate"),
        ("rivals", "sgd", {"optimizer": "adamax"}, "adamax"),
        ("rivals", "adam", {"optimizer": "nesterov"}, "sgd"),
        ("rivals", "standing", {}, "momentum"),
        ("rivals", "sgd", {"l1": -0.1}, "l1"),
        ("tickets", "ticket", {"after": 1}, "after"),
        ("tickets", "ticket", {"mask": "all"}, "support"),
        ("tickets", "ticket", {"after": None}, "epochs"),
        ("tickets", "other_network", {}, "network"),
        ("tickets", "ticket", {"whole": ["fc.weight"]}, "fc.weight"),
        ("one", "too_fast", {}, "one/too_fast/seed0"),
        ("captioning", "too_fast", {}, "learning rate"),
        ("captioning", "fb", {"min_count": 10_000}, "min_count"),
        ("captioning", "fb", {"beam": 0}, "beam"),
        ("captioning", "fb", {"dropout": 1.0}, "dropout"),
        ("captioning", "fb", {"decay": 1.5}, "decay"),
        ("captioning", "fb", {"clip": 0.0}, "clip"),
    ],
)
def test_options_that_make_no_sense_are_told_in_a_line(
    lab, tmp_path, experiment, arm, options, word
):
    resolved = lab.resolved(experiment, arm)
    job = lab.needs(resolved)
    job.pop("trunk", None)
    changed = resolved.model_copy(update={"recipe": resolved.recipe | options})
    with pytest.raises(UserError) as told:
        run(changed, tmp_path, **job)
    assert word in str(told.value)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "record.json").exists()


@pytest.mark.parametrize(
    ("experiment", "arm"), [("compress", "bits"), ("weights", "pruned"), ("tickets", "ticket")]
)
def test_starting_weights_are_asked_for(lab, tmp_path, experiment, arm):
    with pytest.raises(UserError, match="--start FILE"):
        run(lab.resolved(experiment, arm), tmp_path)
    (tmp_path / "weights.pt").write_bytes(b"")
    with pytest.raises(UserError, match=r"weights\.pt"):
        run(lab.resolved(experiment, arm), tmp_path, start=tmp_path / "weights.pt", device=CPU)


FROZEN = {"one": 1.0 * 0.001, "captioning": 0.05 * 0.01}
"""Experiment whose arms freeze -> threshold of its gradients."""


@pytest.mark.parametrize("experiment", FROZEN)
def test_fb_from_the_shared_epochs_equals_fb_in_one_go(lab, experiment):
    assert_same(*(lab.weights(experiment, arm) for arm in ("fb", "fb_in_one_go")))
    folders = [lab.finished(experiment, arm) for arm in ("fb", "fb_in_one_go")]
    for name in {path.name for path in folders[0].iterdir()} & {"history.csv", "captions.json"}:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


@pytest.mark.parametrize("experiment", FROZEN)
def test_strict_freezes_every_masked_value_at_its_value_after_the_shared_epochs(lab, experiment):
    before = checkpoint.load(lab.finished(experiment, TRUNK) / "trunk.pt")["model"]
    after = lab.weights(experiment, "pb")
    mask = checkpoint.load(lab.finished(experiment, "pb") / "mask.pt")
    frozen = lab.record(experiment, "pb").freezing
    for name, active in mask.items():
        assert torch.equal(after[name][~active], before[name][~active])
    n_frozen = sum(int((~active).sum()) for active in mask.values())
    assert n_frozen == frozen.total("n_mask_zeros") > 0
    assert frozen.masked_at_epochs == (2,)
    assert frozen.threshold == pytest.approx(FROZEN[experiment])
    assert all(layer.drift_max_abs == 0 for layer in frozen.layers)


@pytest.mark.parametrize("experiment", FROZEN)
def test_the_listings_way_lets_frozen_weights_drift(lab, experiment):
    strict, gradient = (lab.record(experiment, arm).freezing for arm in ("pb", "pb_gradient"))
    assert gradient.total("n_mask_zeros") == strict.total("n_mask_zeros")
    assert sum(layer.drift_sum_abs for layer in gradient.layers) > 0
    assert gradient.total("n_unmoved") < strict.total("n_unmoved")


@pytest.mark.parametrize("experiment", FROZEN)
def test_the_control_freezes_as_many_in_each_layer_but_others(lab, experiment):
    reports = [lab.record(experiment, arm).freezing for arm in ("pb", "pb_random")]
    counts = [[layer.n_mask_zeros for layer in report.layers] for report in reports]
    assert counts[0] == counts[1]
    masks = [
        checkpoint.load(lab.finished(experiment, arm) / "mask.pt") for arm in ("pb", "pb_random")
    ]
    assert any(not torch.equal(masks[0][name], masks[1][name]) for name in masks[0])
