"""A small workflow that was run once, for tests that look at it or disturb a copy of it."""

import random
import time

import pytest
import yaml
from tests.project import Project

from partial_backprop import config

KEPT = ("lenet5_mnist", "resnet20_pretraining", "lab2_pruning")
ARMS = {"lenet5_mnist": ("fb", "pb", "pb_otsu"), "lab2_pruning": ("iterative",)}
TARGETS = ("table_2", "table_lab2_pruning", "figure_kde", "results/smoke/runs.csv")


def few(folder):
    """A copy of the project whose smoke scale has few experiments, arms and one seed."""
    project = Project(folder)
    path = folder / "config" / "scales" / "smoke.yaml"
    scale = yaml.safe_load(path.read_text())
    kept = {name: scale["experiments"][name] for name in KEPT}
    skipped = [
        f"{name}/{arm}"
        for name, arms in ARMS.items()
        for arm in config.every_arm(name)
        if arm not in arms
    ]
    scale |= {"seeds": [0], "experiments": kept, "skip_arms": skipped}
    path.write_text(yaml.safe_dump(scale))
    return project


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The small workflow, run; `seconds` is what it took."""
    project = few(tmp_path_factory.mktemp("finished"))
    started = time.monotonic()
    outcome = project.snakemake(*TARGETS)
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    project.seconds = time.monotonic() - started
    return project


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished folder with times at random, without what Snakemake noted of it."""
    copy = finished.copied(tmp_path / "copy")
    copy.shuffle_times(random.Random(3))
    return copy
