"""What holds of every recipe: resumed runs, and one line for what a user got wrong."""

from pathlib import Path

import pytest
import torch
import yaml
from tests.recipes.conftest import EXPERIMENTS
from tests.runs import CPU, run, stopped

from partial_backprop.errors import UserError
from partial_backprop.record import read

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
]
"""Experiment, arm, and the number of checkpoints after which it is stopped."""
TRAINS_NOTHING = {"linear_lab", "optimizer_cost"}
ELSEWHERE = {"caption": "test_caption", "encode": "test_encode"}
"""Recipes whose runs need the features of another: file that resumes them."""
NOT_COMPARED = {"timing.csv", "log", "record.json"}


def test_every_recipe_is_resumed():
    """Those that the project's own experiments name."""
    found = set()
    for path in (ROOT / "src").rglob("*.yaml"), (ROOT / "config").rglob("*.yaml"):
        for one in path:
            content = yaml.safe_load(one.read_text(encoding="utf-8"))
            if isinstance(content, dict) and "arms" in content:
                recipes = [content, *filter(None, (content["arms"] or {}).values())]
                found |= {(part.get("recipe") or {}).get("name") for part in recipes}
    resumed = {EXPERIMENTS[one]["recipe"]["name"] for one, *_ in RESUMED if one != "one"}
    assert found - {None} <= resumed | TRAINS_NOTHING | ELSEWHERE.keys() | {"inclusion_masks"}


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
    ],
)
def test_options_that_make_no_sense_are_told_in_a_line(
    lab, tmp_path, experiment, arm, options, word
):
    resolved = lab.resolved(experiment, arm)
    job = lab.needs(resolved) if "start" in resolved.recipe else {}
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
