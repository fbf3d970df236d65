"""Each cluster's profile: Snakemake takes it, and its scheduler's plugin knows every key."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.project import ROOT, Project

EXECUTORS = Path(sys.prefix) / "executors"
"""Where ``scripts/extras`` puts what is not in the environment."""

CLUSTERS = ["htcondor", "kubernetes", "lsf", "sge", "slurm"]
STANDARD = {"runtime", "mem_mb", "disk_mb", "gpu"}
"""Resources that Snakemake itself names, and every executor reads."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("profiles"))


def profile(name):
    return (ROOT / "profiles" / name / "config.yaml").read_text(encoding="utf-8")


def plugin(name):
    """The source text of an executor's plugin."""
    folders = [EXECUTORS, *map(Path, sys.path)]
    found = [folder / f"snakemake_executor_plugin_{name}" for folder in folders]
    (folder, *_) = [folder for folder in found if folder.is_dir()] or [None]
    assert folder, f"the {name} executor is not installed: `make test` installs it"
    return "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))


def uncommented(text):
    """A profile with its commented settings in force."""
    return re.sub(r"^# (?=set-resources:|  train_arm:)", "", text, flags=re.MULTILINE)


def test_every_profile_is_of_a_cluster_or_the_default():
    assert sorted(path.name for path in (ROOT / "profiles").iterdir()) == ["default", *CLUSTERS]


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_dry_run_plans_every_job(project, name):
    folder = project.root / "profiles" / name
    text = uncommented(profile(name)).replace(
        "/paper", str(project.root)
    )  # where the volume would be
    folder.joinpath("config.yaml").write_text(text)
    env = project.env()
    path = os.pathsep.join([env["PYTHONPATH"], str(EXECUTORS)])
    words = ("table_lab2_pruning", "--dry-run", "--quiet", "host")
    outcome = project.snakemake(
        *words, "--workflow-profile", f"profiles/{name}", variables={"PYTHONPATH": path}
    )
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    assert re.search(r"^compress +3$", outcome.stdout + outcome.stderr, re.MULTILINE)


PARSE = """
import sys
from snakemake.cli import parse_args
settings = parse_args(sys.argv[1:])[1]
print([settings.keep_going, settings.rerun_incomplete, settings.show_failed_logs])
"""


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_killed_command_goes_on_as_it_does_without_a_profile(name):
    """What Snakemake makes of the profile: it reads profiles/default only where no other is named."""
    env = os.environ | {"PYTHONPATH": str(EXECUTORS)}
    parsed = subprocess.run(
        [sys.executable, "-c", PARSE, "--workflow-profile", f"profiles/{name}"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert parsed.stdout.splitlines()[-1] == "[True, True, True]"


@pytest.mark.parametrize("name", CLUSTERS)
def test_every_resource_is_one_that_the_plugin_reads(name):
    settings = yaml.safe_load(uncommented(profile(name)))
    of_rules = settings.get("set-resources", {}).values()
    asked = set(settings.get("default-resources", {})).union(*of_rules)
    source = plugin(name)
    assert asked
    assert not {key for key in asked - STANDARD if f'"{key}"' not in source}


@pytest.mark.parametrize("name", CLUSTERS)
def test_the_document_names_profile_and_plugin(name):
    text = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert f"| `profiles/{name}` | `{name}`" in text
