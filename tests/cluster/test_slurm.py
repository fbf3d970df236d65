"""The workflow on a real Slurm: jobs run where the scheduler puts them, and a killed one goes on."""

import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import yaml
from tests.cluster.one_node import OneNode
from tests.project import Project

from partial_backprop import record

pytestmark = pytest.mark.slurm

# This Slurm has no accounting database, so that neither accounts nor sacct's states are to be had.
PROFILE = ("--workflow-profile", "profiles/slurm", "--latency-wait", "10")
PROFILE += ("--slurm-no-account", "--slurm-status-command", "squeue")
PROFILE += ("--slurm-init-seconds-before-status-checks", "5")
KEPT = ("lenet5_mnist", "resnet20_pretraining", "lab2_pruning")
"""Experiments of the smoke scale, so chosen that each kind of rule has its jobs."""


@pytest.fixture(scope="module")
def slurm():
    folder = Path(tempfile.mkdtemp(prefix="slurm"))
    try:
        with OneNode(folder / "one") as one:
            yield one
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def copy(folder, **changes):
    """A copy of the project whose smoke scale has few experiments and one seed."""
    folder.mkdir(exist_ok=True)
    project = Project(folder)
    path = folder / "config" / "scales" / "smoke.yaml"
    scale = yaml.safe_load(path.read_text())
    kept = {name: scale["experiments"][name] for name in KEPT}
    for name, change in changes.items():
        kept[name] = kept[name] | change
    path.write_text(yaml.safe_dump(scale | {"seeds": [0], "experiments": kept}))
    return project


def reproducible(path):
    return record.read(path).reproducible()


@pytest.fixture(scope="module")
def done(slurm, tmp_path_factory):
    """A copy in which everything was run by the scheduler."""
    project = copy(tmp_path_factory.mktemp("slurm"))
    outcome = project.snakemake("all", *PROFILE, env=slurm.env)
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    return project


def test_the_scheduler_ran_every_job(slurm, done):
    jobs = slurm.jobs()
    assert {job["state"] for job in jobs} == {"COMPLETED"}
    assert all(job["node"] for job in jobs)
    told = " ".join(job["comment"] for job in jobs)
    runs = sorted((done.root / "results/smoke/runs").rglob("record.json"))
    for path in runs:
        experiment, arm, seed = path.parts[-4:-1]
        name = f"{experiment}_{arm}_{seed.removeprefix('seed')}"
        assert f"wildcards_{name}" in told, f"{name} did not run by the scheduler"
    assert len(runs) == 7 + 1 + 3


def test_tables_figures_and_paper_are_one_job_and_the_tidy_records_another(slurm, done):
    groups = [job for job in slurm.jobs() if "print" in job["comment"]]
    assert len(groups) == 2
    assert (done.root / "paper/smoke.pdf").read_bytes().startswith(b"%PDF")


def test_the_scheduler_knows_time_and_memory(slurm, done):
    limits = slurm.ask("squeue", "--all", "--states=all", "--noheader", "-o", "%k|%l|%m|%P")
    trained = [line for line in limits.splitlines() if "train_arm" in line]
    assert trained
    assert {line.split("|", 1)[1] for line in trained} == {"12:00:00|4000M|main"}


def test_a_second_run_submits_nothing(slurm, done):
    before = len(slurm.jobs())
    outcome = done.snakemake("all", *PROFILE, env=slurm.env)
    assert outcome.returncode == 0
    assert "Nothing to be done" in outcome.stdout + outcome.stderr
    assert len(slurm.jobs()) == before


def running(slurm, rule):
    jobs = slurm.jobs()
    return [job["id"] for job in jobs if rule in job["comment"] and job["state"] == "RUNNING"]


def test_a_cancelled_training_goes_on_and_ends_with_the_same_record(slurm, tmp_path):
    longer = {"training": {"epochs": 60, "batch_size": 20, "shared_epochs": 1, "milestones": [2]}}
    target = "results/smoke/runs/lenet5_mnist/pb/seed0/record.json"
    cancelled = copy(tmp_path / "cancelled", lenet5_mnist=longer)
    with (tmp_path / "out").open("w") as out:
        words = (target, *PROFILE, "--config", "scale=smoke", "checkpoint_every=0")
        workflow = subprocess.Popen(
            cancelled.command(*words),
            cwd=cancelled.root,
            env=cancelled.env(slurm.env),
            stdout=out,
            stderr=out,
        )
        checkpoints = cancelled.root / "results/smoke/.checkpoints"
        deadline = time.monotonic() + 300
        while not (running(slurm, "train_arm") and list(checkpoints.glob("*.pt"))):
            assert workflow.poll() is None, (tmp_path / "out").read_text()[-4000:]
            assert time.monotonic() < deadline, (tmp_path / "out").read_text()[-4000:]
            time.sleep(0.2)
        (job,) = running(slurm, "train_arm")
        slurm.ask("scancel", job)
        assert workflow.wait(300) == 0, (tmp_path / "out").read_text()[-4000:]
    states = {found["id"]: found["state"] for found in slurm.jobs()}
    assert states[job] == "CANCELLED"
    log = cancelled.root / "results/smoke/logs/train_arm/lenet5_mnist_pb_seed0.log"
    assert "resumes after epoch" in log.read_text()

    quiet = copy(tmp_path / "quiet", lenet5_mnist=longer)
    outcome = quiet.snakemake(target)
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    assert reproducible(cancelled.root / target) == reproducible(quiet.root / target)
    assert json.loads((cancelled.root / target).read_text())["freezing"]["masked_at_epochs"]
