"""`scripts/environment` with a Python that only notes what it is asked for."""

import os
import shutil
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Answers the questions that the script asks a Python, makes an environment whose Python is a copy of
# itself, notes every installation with the variables that it sees, and fails those in a tree with a
# file named `fail`, and the check in one with a file named `incomplete`.
PYTHON = """#!/bin/sh
case "$*" in
  -V) ;;
  *platform*) echo "${FAKE_VERSION-3.11.7}" ;;
  *version_info*) [ -z "$FAKE_VERSION" ] ;;
  *ensurepip*) [ -z "$FAKE_NO_VENV" ] ;;
  *"-m venv"*)
    for made; do :; done
    rm -rf "$made"; mkdir -p "$made/bin"; cp "$0" "$made/bin/python"; echo venv >>log ;;
  *check_environment*) [ ! -e incomplete ] ;;
  *relocate*) ;;
  *requirements.lock*)
    echo "${PYTHONPATH-} ${PYTHONSAFEPATH-} ${PIP_TARGET-} ${PIP_USER-}" >variables
    echo packages >>log; [ ! -e fail ] ;;
  *--editable*) echo project >>log ;;
  *) exit 99 ;;
esac
"""


@pytest.fixture
def tree(tmp_path) -> Path:
    tree = tmp_path / "a tree"
    names = ("scripts/environment", "scripts/clean-environment", "envs/requirements.lock")
    for name in (*names, "pyproject.toml"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    (tree / "python").write_text(PYTHON)
    (tree / "python").chmod(0o755)
    return tree


def set_up(tree: Path, *, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess:
    """Run the script as make does; its output, and in `args` what it did since the last time."""
    log = tree / "log"
    log.write_text("")
    finished = subprocess.run(
        ["bash", "scripts/environment"],
        cwd=cwd or tree,
        env={**os.environ, "PYTHON": f"{tree}/python", "PWD": str(cwd or tree), **variables},
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


@pytest.mark.parametrize("failure", ["fail", "incomplete"])
def test_a_set_up_that_fails_leaves_the_old_environment_as_it_was(tree, failure):
    set_up(tree)
    (tree / ".venv" / "mine").touch()
    (tree / failure).touch()
    (tree / "envs" / "requirements.lock").write_text("another==1.0\n")
    assert set_up(tree).returncode != 0
    assert (tree / ".venv" / "mine").exists()
    (tree / failure).unlink()
    assert set_up(tree).args == ["venv", "packages", "project"]
    assert not (tree / ".venv" / "mine").exists()
    assert {path.name for path in tree.glob(".venv*")} == {".venv"}


def test_a_link_to_the_tree_is_the_same_place(tree):
    set_up(tree)
    link = tree.parent / "link"
    link.symlink_to(tree)
    assert set_up(tree, cwd=link).args == []


@pytest.mark.parametrize("script", ["scripts/environment", "scripts/extras", ".ci/run"])
def test_a_search_path_of_cd_leads_nowhere_else(tree, tmp_path, script):
    """The scripts go to their own tree, whatever folders of the same names CDPATH offers."""
    folder = Path(script).parent
    (tmp_path / "elsewhere" / folder).mkdir(parents=True)
    (tree / folder).mkdir(exist_ok=True)
    (line,) = [line for line in (ROOT / script).read_text().splitlines() if "cd -P" in line]
    (tree / script).write_text(f"{line}\npwd -P\n")
    went = subprocess.run(
        ["bash", script],
        cwd=tree,
        env={**os.environ, "CDPATH": str(tmp_path / "elsewhere")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert went.stdout == f"{tree.resolve()}\n"


def test_variables_for_other_work_do_not_reach_pip(tree):
    foreign = {"PYTHONPATH": "/opt/ros", "PYTHONSAFEPATH": "1", "PIP_TARGET": "/tmp/x"}
    assert set_up(tree, **foreign, PIP_USER="1").returncode == 0
    assert (tree / "variables").read_text().split() == ["0"]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_home_that_cannot_be_made_is_replaced(tree, shell):
    command = ". scripts/clean-environment; echo $HOME"
    env = {**os.environ, "HOME": "/dev/null/home"}
    asked = subprocess.run([shell, "-c", command], cwd=tree, env=env, capture_output=True)
    home = Path(asked.stdout.decode().strip())
    assert home.is_relative_to(tree.resolve())
    assert home.is_dir()


def check_lock(tmp_path: Path, *pins: str, path: Path | None = None) -> str:
    """What scripts/check_environment.py has to say about this Python and a lock."""
    (tmp_path / "lock").write_text("".join(f"{pin}\n" for pin in pins))
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, str(ROOT / "scripts" / "check_environment.py"), tmp_path / "lock"]
    finished = subprocess.run(
        command,
        env=env | ({"PYTHONPATH": str(path)} if path else {}),
        capture_output=True,
        text=True,
    )
    assert (finished.returncode == 0) == (finished.stderr == "")
    return finished.stderr


def test_the_lock_is_compared_with_what_is_imported(tmp_path):
    names = ("pydantic", "PyYAML", "typing_extensions")
    pins = [f"{name}=={metadata.version(name)}" for name in names]
    assert check_lock(tmp_path, *pins) == ""
    assert "no-such-package" in check_lock(tmp_path, *pins, "no-such-package==1.0")
    assert "pydantic" in check_lock(tmp_path, "pydantic==0.1")


@pytest.mark.parametrize("name", ["pydantic", "foreign"])
def test_a_package_from_elsewhere_is_told(tmp_path, name):
    """On PYTHONPATH: a module that hides the installed one, or one that is installed there alone."""
    (tmp_path / "elsewhere" / name).mkdir(parents=True)
    (tmp_path / "elsewhere" / name / "__init__.py").touch()
    version = metadata.version(name) if name == "pydantic" else "1.0"
    if name == "foreign":
        info = tmp_path / "elsewhere" / "foreign-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    told = check_lock(tmp_path, f"{name}=={version}", path=tmp_path / "elsewhere")
    assert str(tmp_path / "elsewhere") in told
    assert told.count("\n") == 1


def test_commands_of_an_environment_that_was_renamed_run(tmp_path):
    """With a blank in the path, as pip writes such commands."""
    new = tmp_path / "a tree" / ".venv.new"
    venv.create(new, with_pip=False, symlinks=True)
    script = new / "bin" / "hello"
    script.write_text(f"#!/bin/sh\n'''exec' \"{new}/bin/python\" \"$0\"\n' '''\nprint('hello')\n")
    script.chmod(0o755)
    command = [sys.executable, str(ROOT / "scripts" / "relocate.py"), str(new), ".venv"]
    subprocess.run(command, check=True)
    renamed = new.rename(new.with_name(".venv"))
    said = subprocess.run([renamed / "bin" / "hello"], capture_output=True, text=True, check=True)
    assert said.stdout == "hello\n"
    assert "/.venv.new" not in (renamed / "bin" / "activate").read_text()


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
