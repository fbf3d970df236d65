"""What runs again is told by what files hold, whatever their times are, and `status` says the same."""

import json
import random
import re
import shutil
import subprocess
import sys

import yaml
from tests.project import LENET5
from tests.workflow.conftest import TARGETS, few

RUNS = {"train_trunk": 1, "train_arm": 3, "measure_gradients": 1, "pretrain": 1, "compress": 1}
"""Rule -> how many jobs of it train or measure, when nothing is there."""
PRINTS = {"table_2": 1, "table_lab2_pruning": 1, "figure_kde": 1, "aggregate_records": 1}


def plan(project, *words):
    """What a dry run plans, after it was seen that `status` says the same."""
    planned = project.planned(*TARGETS, *words)
    n_runs = sum(count for rule, count in planned.items() if rule in RUNS)
    assert left(project) == n_runs, status(project)
    return planned


def status(project, *words):
    asked = subprocess.run(
        [sys.executable, "-m", "partial_backprop", "status", "--scale", "smoke", *words],
        cwd=project.root,
        env=project.env(),
        capture_output=True,
        text=True,
        check=True,
    )
    return asked.stdout


def left(project):
    """How many runs are left, as `status` says."""
    match = re.search(r"^(\d+) runs? (?:is|are) left", status(project), re.MULTILINE)
    return int(match[1]) if match else 0


def path_of(project, *words):
    return project.root.joinpath("results", "smoke", "runs", *words)


def test_nothing_is_there_at_first(tmp_path):
    assert plan(few(tmp_path)) == RUNS | PRINTS


def test_a_copy_is_current_with_what_snakemake_noted_and_without(finished, project):
    assert plan(project) == {}
    shutil.copytree(finished.root / ".snakemake", project.root / ".snakemake", dirs_exist_ok=True)
    project.shuffle_times(random.Random(4))
    assert plan(project) == {}


def test_comments_docstrings_and_blank_lines_change_nothing(project):
    path = project.root / "src" / "partial_backprop" / "training" / "loop.py"
    text = path.read_text()
    assert text.startswith('"""')
    path.write_text(
        text.replace('"""', '"""Edited. ', 1).replace("\n\n", "\n\n\n", 1) + "\n# and a comment\n"
    )
    assert plan(project) == {}


def test_touched_results_stay_as_stale_as_they_were(finished, project):
    shutil.copytree(finished.root / ".snakemake", project.root / ".snakemake", dirs_exist_ok=True)
    with project.edited("training/loop.py"):
        assert plan(project) == RUNS | PRINTS
        assert project.snakemake(*TARGETS, "--touch").returncode == 0
        assert plan(project) == RUNS | PRINTS
    assert plan(project) == {}


def test_another_title_of_the_scale_is_printed_and_trains_nothing(project):
    path = project.root / "config" / "scales" / "smoke.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"title": "another"}))
    assert plan(project) == PRINTS


def test_another_name_in_print_trains_nothing(project):
    with project.edited("labels.py"):
        planned = plan(project)
    assert planned
    assert not planned.keys() & RUNS.keys()


def test_a_changed_configuration_trains_what_it_changes(project):
    path = project.root / LENET5
    text = path.read_text()
    path.write_text(text.replace("threshold: 0.50", "threshold: 0.60"))
    sampled = {"train_arm": 1, "measure_gradients": 1, "table_2": 1, "figure_kde": 1}
    assert plan(project) == sampled | {"aggregate_records": 1}  # pb, and what shows its threshold
    path.write_text(text)
    assert plan(project) == {}


def test_a_missing_record_is_made_again_and_what_shows_it(project):
    path_of(project, "resnet20_pretraining", "float", "seed0", "record.json").unlink()
    shows = {"table_lab2_pruning": 1, "aggregate_records": 1}
    assert plan(project) == {"pretrain": 1, "compress": 1} | shows


def test_shared_epochs_are_trained_for_who_needs_them_alone(project):
    path_of(project, "lenet5_mnist", "trunk", "seed0", "trunk.pt").unlink()
    assert plan(project) == {}
    path_of(project, "lenet5_mnist", "pb", "seed0", "record.json").unlink()
    shows = {"table_2": 1, "aggregate_records": 1}
    assert plan(project) == {"train_trunk": 1, "train_arm": 1} | shows


def test_a_run_made_from_what_is_no_more_is_stale(project):
    """As after a stop between two runs of which one begins with the other's weights."""
    stamp = path_of(project, "lab2_pruning", "iterative", "seed0", ".record.stamp.json")
    content = json.loads(stamp.read_text())
    content["made_from"]["input start"] = "0" * 64
    stamp.write_text(json.dumps(content))
    shows = {"table_lab2_pruning": 1, "aggregate_records": 1}
    assert plan(project) == {"compress": 1} | shows
    assert "resnet20_pretraining/float/seed0" in status(project)


def test_a_record_of_another_run_s_configuration_is_stale(project):
    pb, fb = (path_of(project, "lenet5_mnist", arm, "seed0", "record.json") for arm in ("pb", "fb"))
    pb.write_bytes(fb.read_bytes())
    assert plan(project)["train_arm"] == 1
    pb.write_bytes(fb.read_bytes()[:100])
    assert plan(project)["train_arm"] == 1


def test_a_changed_print_is_made_again_and_what_shows_it(project):
    with project.edited("experiments/partial_backprop/figure_kde.py"):
        assert plan(project) == {"figure_kde": 1}


def test_forced_jobs_take_with_them_what_shows_them(finished):
    planned = finished.planned(*TARGETS, "--forcerun", "pretrain")
    shows = {"table_lab2_pruning": 1, "aggregate_records": 1}
    assert planned == {"pretrain": 1, "compress": 1} | shows


def test_a_stale_run_runs_again_and_then_nothing_does(project):
    scale = project.root / "config" / "scales" / "smoke.yaml"
    content = yaml.safe_load(scale.read_text())
    content["experiments"]["lab2_pruning"].setdefault("training", {})["batch_size"] = 40
    scale.write_text(yaml.safe_dump(content))
    assert plan(project)["compress"] == 1
    outcome = project.snakemake(*TARGETS)
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    assert plan(project) == {}
