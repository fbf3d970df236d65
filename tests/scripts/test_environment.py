"""`scripts/environment` with a Python that only notes what it is asked for."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Answers the questions that the script asks a Python, makes a .venv whose Python is a copy of
# itself, notes every installation, and fails those in a tree with a file named `fail`.
PYTHON = """#!/bin/sh
case "$*" in
  -V) ;;
  *platform*) echo "${FAKE_VERSION-3.11.7}" ;;
  *version_info*) [ -z "$FAKE_VERSION" ] ;;
  *ensurepip*) [ -z "$FAKE_NO_VENV" ] ;;
  *"-m venv --clear .venv"*)
    rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python; echo venv >>log ;;
  *requirements.lock*) echo packages >>log; [ ! -e fail ] ;;
  *--editable*) echo project >>log ;;
  *) exit 99 ;;
esac
"""


@pytest.fixture
def tree(tmp_path) -> Path:
    tree = tmp_path / "a tree"
    for name in ("scripts/environment", "envs/requirements.lock", "pyproject.toml"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    (tree / "python").write_text(PYTHON)
    (tree / "python").chmod(0o755)
    return tree


def set_up(tree: Path, **variables: str) -> subprocess.CompletedProcess:
    """Run the script; its output, and in `args` what it did since the last time."""
    log = tree / "log"
    log.write_text("")
    finished = subprocess.run(
        [tree / "scripts" / "environment"],
        env={**os.environ, "PYTHON": f"{tree}/python", **variables},
        capture_output=True,
        text=True,
    )
    finished.args = log.read_text().split()
    return finished


def test_second_time_does_nothing(tree):
    assert set_up(tree).args == ["venv", "packages", "project"]
    second = set_up(tree)
    assert (second.returncode, second.args, second.stdout) == (0, [], "")


def test_a_touched_file_is_no_change(tree):
    set_up(tree)
    (tree / "envs" / "requirements.lock").touch()
    (tree / "pyproject.toml").touch()
    assert set_up(tree).args == []


def test_changed_lock_starts_anew(tree):
    set_up(tree)
    with (tree / "envs" / "requirements.lock").open("a") as lock:
        lock.write("another==1.0\n")
    assert set_up(tree).args == ["venv", "packages", "project"]


def test_changed_project_installs_the_project_alone(tree):
    set_up(tree)
    with (tree / "pyproject.toml").open("a") as project:
        project.write("# changed\n")
    assert set_up(tree).args == ["project"]


def test_interrupted_installation_starts_anew(tree):
    (tree / "fail").touch()
    assert set_up(tree).returncode != 0
    (tree / "fail").unlink()
    assert set_up(tree).args == ["venv", "packages", "project"]


def test_moved_tree_starts_anew(tree):
    set_up(tree)
    moved = tree.rename(tree.parent / "moved")
    assert set_up(moved).args == ["venv", "packages", "project"]


def test_vanished_python_starts_anew(tree):
    set_up(tree)
    (tree / ".venv" / "bin" / "python").unlink()
    assert set_up(tree).args == ["venv", "packages", "project"]


@pytest.mark.parametrize(
    ("variables", "remedy"),
    [
        ({"FAKE_VERSION": "3.9.2"}, "is Python 3.9.2, but 3.11 or newer is needed"),
        ({"FAKE_NO_VENV": "1"}, "apt-get install python3-venv"),
        ({"PYTHON": "no-such-python"}, "no-such-python does not run: install Python 3.11"),
    ],
)
def test_python_that_will_not_do_is_told_in_one_line(tree, variables, remedy):
    finished = set_up(tree, **variables)
    assert finished.returncode == 2
    assert remedy in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert not (tree / ".venv").exists()
