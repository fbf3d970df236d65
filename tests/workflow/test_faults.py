"""Kills, full disks and crowds: nothing finished is lost, and no half file is taken for a result."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

from tests.workflow.conftest import TARGETS, few

from partial_backprop import record

RUN = ("lenet5_mnist", "fb", "0")


def start(project, *words):
    """Start snakemake in a process group of its own."""
    return subprocess.Popen(
        project.command(*words, "--cores", "2", "--config", "scale=smoke", "checkpoint_every=0"),
        cwd=project.root,
        env=project.env(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def printed(project):
    """Tables by name, byte for byte."""
    results = project.root / "results" / "smoke"
    paths = [*results.glob("tables/[!.]*"), results / "runs.csv"]
    return {path.name: path.read_bytes() for path in paths}


def test_kills_change_no_table(finished, tmp_path):
    project = few(tmp_path)
    moment = random.Random(7)
    for _ in range(6):
        workflow = start(project, *TARGETS)
        time.sleep(moment.uniform(0.05, 0.5) * finished.seconds)
        os.killpg(workflow.pid, signal.SIGKILL)
        workflow.wait()
        for path in (project.root / "results").rglob("record.json"):
            record.read(path)  # whole, or an error
        assert project.snakemake("--unlock").returncode == 0
    outcome = project.snakemake(*TARGETS)
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    assert printed(project) == printed(finished)
    assert len(printed(project)) == 5


def test_a_second_workflow_in_the_folder_is_refused_and_harms_nothing(project):
    target = "results/smoke/runs/lenet5_mnist/fb/seed0/record.json"
    first = start(project, target, "--forceall")
    try:
        while not any((project.root / ".snakemake" / "locks").glob("*")):
            assert first.poll() is None
            time.sleep(0.05)
        os.killpg(first.pid, signal.SIGSTOP)  # so that it is still there, however slow the second
        second = project.snakemake(target, "--force")
    finally:
        os.killpg(first.pid, signal.SIGCONT)
        assert first.wait(300) == 0
    assert second.returncode != 0
    assert "lock" in (second.stdout + second.stderr).lower()
    record.read(project.root / target)


def train(project, out, *, largest_file=None):
    """Train the shared epochs of one run by its command, maybe on a full disk."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    words = ["train", RUN[0], "trunk", RUN[2], "--scale", "smoke", "--out", str(out)]
    return subprocess.run(
        [sys.executable, "-m", "partial_backprop", *words],
        cwd=project.root,
        env=project.env(),
        preexec_fn=limit if largest_file is not None else None,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_full_disk_is_told_in_one_line_and_leaves_no_half_file(finished, tmp_path):
    """A limit on the size of files fails at the same call as a full disk."""
    outcome = train(finished, tmp_path / "out", largest_file=10_000)
    assert outcome.returncode == 2
    errors = [line for line in outcome.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "cannot write" in errors[0]
    assert "free space" in errors[0]
    assert "Traceback" not in outcome.stderr
    assert not list((tmp_path / "out").rglob("*.pt*"))


def test_a_folder_that_cannot_be_written_is_told(finished, tmp_path):
    """Below a file there is no folder, not even for root."""
    (tmp_path / "file").touch()
    outcome = train(finished, tmp_path / "file" / "out")
    assert outcome.returncode == 2
    assert "error: cannot write" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_truncated_trunk_is_told_with_its_name_and_nothing_else_is_lost(project):
    runs = project.root / "results" / "smoke" / "runs"
    trunk = runs / "lenet5_mnist" / "trunk" / "seed0" / "trunk.pt"
    whole, kept = trunk.read_bytes(), trunk.stat()
    records = sorted(runs.rglob("record.json"))
    target = f"results/smoke/runs/{RUN[0]}/{RUN[1]}/seed{RUN[2]}/record.json"
    (project.root / target).unlink()
    trunk.write_bytes(whole[: len(whole) // 2])
    os.utime(trunk, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    try:
        outcome = project.snakemake(target)
    finally:
        trunk.write_bytes(whole)
        os.utime(trunk, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert outcome.returncode != 0
    told = outcome.stdout + outcome.stderr
    assert "trunk.pt" in told
    assert "delete it, and it is made again" in told
    kept = [path for path in records if path != project.root / target]
    assert sorted(runs.rglob("record.json")) == kept


def test_without_tex_figures_are_made(project, tmp_path):
    """The message of the paper itself is tested in ``tests/paper/test_latex.py``."""
    bare = tmp_path / "bin"
    bare.mkdir()
    for name in ("bash", "sh", "dirname", "cat", "env", "uname", "which"):
        (bare / name).symlink_to(shutil.which(name))
    outcome = project.snakemake("figure_1", env=os.environ | {"PATH": str(bare)})
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    assert (project.root / "figures" / "smoke" / "figure_1.pdf").exists()
