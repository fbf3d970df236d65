"""A folder with an experiment of one's own runs, and shows everywhere; nothing else is edited."""

import csv
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.project import Project

pytestmark = [pytest.mark.slow, pytest.mark.tex]

FOLDER = Path(__file__).parent / "coins"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project with the folder in its configuration, run at scale smoke for that experiment alone."""
    project = Project(tmp_path_factory.mktemp("own"))
    shutil.copytree(FOLDER, project.root / "config" / "experiments" / "coins")
    outcome = project.snakemake(config=("scale=smoke", "name=own", "experiments=[coins]"))
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    return project


def test_every_arm_and_seed_left_a_record(project):
    runs = project.root / "results" / "own" / "runs" / "coins"
    records = [json.loads(path.read_bytes()) for path in runs.rglob("record.json")]
    assert {(one["arm"], one["seed"]) for one in records} == {
        (arm, seed) for arm in ("fair", "loaded") for seed in (0, 1, 2)
    }
    assert all("experiments/coins/run_toss.py" in one["provenance"]["modules"] for one in records)
    assert all(path.with_name("tosses.csv").exists() for path in runs.rglob("record.json"))


def test_it_is_in_a_table_a_figure_and_the_ledger(project):
    tables = project.root / "results" / "own" / "tables"
    with (tables / "table_coins.csv").open(newline="") as file:
        fair, loaded = csv.DictReader(file)
    assert float(fair["heads_percent_mean"]) == pytest.approx(50, abs=10)
    assert float(loaded["heads_percent_mean"]) == pytest.approx(90, abs=10)
    assert "50 % and 90 %" in (tables / "table_coins.tex").read_text().replace(r"\%", "%")
    assert (project.root / "figures" / "own" / "figure_coins.pdf").exists()
    with (tables / "table_claims.csv").open(newline="") as file:
        (claim,) = [row for row in csv.DictReader(file) if row["source"] == "coins"]
    assert (claim["id"], claim["verdict"]) == ("C1", "reproduced")


def test_it_has_its_section_in_the_paper(project):
    pdf = project.root / "paper" / "own.pdf"
    text = subprocess.run(
        ["pdftotext", pdf, "-"], capture_output=True, text=True, check=True
    ).stdout
    text = " ".join(text.split())
    assert "Tossed coins" in text
    assert "A loaded coin falls on heads more often:" in text
    assert "Coins, drawn." in text


def test_an_edited_recipe_of_the_folder_runs_its_experiment_again(project):
    path = project.root / "config" / "experiments" / "coins" / "run_toss.py"
    text = path.read_text()
    config = ("scale=smoke", "name=own", "experiments=[coins]")
    for change, planned in (("draw.random() <= share", 6), ("draw.random() < share", 0)):
        path.write_text(text.replace("draw.random() < share", change))
        outcome = project.snakemake("table_coins", "--dry-run", "--quiet", "host", config=config)
        assert outcome.returncode == 0, outcome.stderr
        assert (f"toss {planned}" in " ".join((outcome.stdout + outcome.stderr).split())) == bool(
            planned
        )
