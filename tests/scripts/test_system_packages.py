"""`scripts/system-packages` on a machine that has only what each test gives it."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "system-packages"
COMMANDS = ("latexmk", "pdflatex", "bibtex", "kpsewhich", "pdftotext")


@pytest.fixture
def machine(tmp_path) -> Path:
    """Folder that is the whole PATH of the script."""
    for name in ("bash", "cat", "cp", "chmod"):
        (tmp_path / name).symlink_to(shutil.which(name))
    return tmp_path


def command(machine: Path, name: str, script: str = "exit 0") -> None:
    (machine / name).write_text(f"#!/bin/sh\n{script}\n")
    (machine / name).chmod(0o755)


def check(machine: Path, *words: str) -> subprocess.CompletedProcess:
    env = {"PATH": str(machine), "SBIN": str(machine)}
    return subprocess.run([SCRIPT, *words], env=env, capture_output=True, text=True)


def test_silent_where_nothing_is_missing(machine):
    for name in COMMANDS:
        command(machine, name)
    finished = check(machine)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")


@pytest.mark.parametrize("missing", COMMANDS)
def test_says_what_to_install_where_it_may_not(machine, missing):
    for name in COMMANDS:
        command(machine, name)
    (machine / missing).unlink()
    command(machine, "id", "echo 1000")
    command(machine, "apt-get", "exit 99")
    finished = check(machine)
    assert finished.returncode == 2
    for remedy in ("sudo apt-get install latexmk", "dnf install", "brew install", "conda install"):
        assert remedy in finished.stderr


def test_missing_style_counts_as_missing(machine):
    for name in COMMANDS:
        command(machine, name)
    command(machine, "kpsewhich", "exit 1")
    command(machine, "id", "echo 1000")
    assert check(machine).returncode == 2


def test_root_installs_after_an_update(machine):
    command(machine, "id", "echo 0")
    made = "; ".join(f'cp "$0" {machine}/{name}' for name in COMMANDS)
    command(
        machine,
        "apt-get",
        f'case "$0 $*" in *apt-get\\ update*) echo update >>{machine}/log ;; '
        f'*apt-get\\ install*) echo "$DEBIAN_FRONTEND $*" >>{machine}/log; {made} ;; esac',
    )
    assert check(machine).returncode == 0
    update, install = (machine / "log").read_text().splitlines()
    assert update == "update"
    assert install.startswith("noninteractive install ")
    assert "texlive-latex-recommended" in install
    assert "poppler-utils" in install


EXTRAS = {
    "slurm": (("munged", "slurmctld", "slurmd", "srun"), "slurmctld slurmd slurm-client munge"),
    "chromium": (("chromium-headless-shell",), "chromium-headless-shell"),
}
"""Word -> commands, and the packages that bring them."""


@pytest.mark.parametrize("word", EXTRAS)
def test_what_only_tests_need_is_installed_by_root_alone(machine, word):
    for name in COMMANDS:
        command(machine, name)
    command(machine, "apt-get", f'echo "$*" >>{machine}/log')
    command(machine, "id", "echo 1000")
    assert check(machine, word).returncode == 0
    command(machine, "id", "echo 0")
    assert check(machine).returncode == 0
    assert not (machine / "log").exists()
    assert check(machine, word).returncode == 0
    assert EXTRAS[word][1] in (machine / "log").read_text().splitlines()[1]


@pytest.mark.parametrize("word", EXTRAS)
def test_where_it_is_there_or_cannot_be_had_the_tests_go_on(machine, word):
    for name in COMMANDS:
        command(machine, name)
    command(machine, "id", "echo 0")
    command(machine, "apt-get", "exit 100")
    finished = check(machine, word)
    assert finished.returncode == 0
    assert "left out" in finished.stdout
    for name in EXTRAS[word][0]:
        command(machine, name)
    finished = check(machine, word)
    assert (finished.returncode, finished.stdout) == (0, "")
