"""Jobs run in conda's environment, or in the container, where users ask for it.

Neither conda nor Apptainer, nor a network to fetch their packages with, is needed here: programs of
their names stand in, note what Snakemake asks of them, and run the job with this environment's
Python. What the real ones would install is compared with the lock in ``tests/static/test_envs.py``.
"""

import os
import sys
from pathlib import Path

import pytest
from tests.project import ROOT, Project

TARGET = "results/smoke/runs/lab1/projected_full_batch/seed0/record.json"

CONDA = """#!/bin/bash
case "$*" in
  "info --json") echo '{{"conda_prefix": "{base}", "platform": "linux-64"}}' ;;
  "--version") echo "conda 25.1.0" ;;
  "config --get channel_priority --json") echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
  "env create"*)
    while [ $# -gt 0 ]; do
      case "$1" in --file) file="${{2#\\"}}";; --prefix) prefix="${{2#\\"}}";; esac; shift
    done
    cp "${{file%\\"}}" "{notes}/environment.yaml"
    mkdir -p "$prefix/bin"
    printf '#!/bin/bash\\necho "$*" >> {notes}/jobs\\nexec {python} "$@"\\n' > "$prefix/bin/python"
    chmod +x "$prefix/bin/python" ;;
esac
"""
ACTIVATE = 'export PATH="$1/bin:$PATH" CONDA_PREFIX="$1"\n'

APPTAINER = """#!/bin/bash
if [ "$1" = --version ]; then echo "apptainer version 1.3.0"; exit; fi
while [ "$1" != {image} ] && [[ "$1" != */{image} ]]; do shift; done
echo "$*" >> {notes}/jobs
shift
PYTHONPATH= exec "$@"
"""


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    return Project(root)


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


def with_programs(folder: Path) -> dict[str, str]:
    return os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def test_conda_gives_every_job_the_environment_of_the_lock(project, notes, tmp_path):
    base = tmp_path / "base"
    text = CONDA.format(base=base, notes=notes, python=sys.executable)
    program(base / "bin" / "conda", text)
    program(base / "bin" / "activate", ACTIVATE)
    outcome = project.snakemake(TARGET, "--sdm", "conda", env=with_programs(base / "bin"))
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    assert (notes / "environment.yaml").read_bytes() == (
        ROOT / "envs" / "environment.yaml"
    ).read_bytes()
    assert (notes / "jobs").read_text().startswith("-m partial_backprop train lab1 ")


def test_every_job_runs_in_the_container(project, notes, tmp_path):
    image = "partial-backprop.sif"
    (project.root / image).touch()
    program(tmp_path / "bin" / "apptainer", APPTAINER.format(image=image, notes=notes))
    outcome = project.snakemake(TARGET, "--sdm", "apptainer", env=with_programs(tmp_path / "bin"))
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    (job,) = (notes / "jobs").read_text().splitlines()
    assert job.split()[0].endswith(image)
    assert "-m partial_backprop train lab1 " in job


@pytest.mark.parametrize(
    "path", sorted((ROOT / "workflow" / "rules").glob("*.smk")), ids=lambda path: path.stem
)
def test_every_rule_with_a_command_names_the_environment(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("    shell:") == text.count('"../../envs/environment.yaml"')
