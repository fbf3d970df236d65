"""What a user's shell and home folder hold does not change what the workflow makes."""

import os

import pytest
from tests.project import Project

FIGURE = "figures/smoke/figure_1.pdf"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy in which figure 1 was drawn, which needs no run."""
    one = Project(tmp_path_factory.mktemp("project"))
    outcome = one.snakemake("figure_1")
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    return one


def test_a_figure_that_cannot_be_drawn_leaves_the_last_one(project):
    before = (project.root / FIGURE).read_bytes()
    reported = project.root / "config" / "reported.yaml"
    text = reported.read_text()
    reported.write_text("not: what it was")
    try:
        outcome = project.snakemake("figure_1", "--forcerun", "figure_1")
    finally:
        reported.write_text(text)
    assert outcome.returncode != 0
    assert (project.root / FIGURE).read_bytes() == before


def test_jobs_import_no_foreign_packages(project, tmp_path):
    (tmp_path / "seaborn").mkdir()
    (tmp_path / "seaborn" / "__init__.py").write_text("raise ImportError('foreign')")
    path = os.pathsep.join([str(project.root / "src"), str(tmp_path)])
    variables = {"PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
    outcome = project.snakemake("figure_1", "--forcerun", "figure_1", variables=variables)
    assert outcome.returncode == 0, outcome.stderr[-4000:]


def test_the_home_folder_in_a_path_is_the_home_folder(project, tmp_path):
    """Real data below ``~``: missing there, as the message says, and no folder ``~`` appears."""
    outcome = project.snakemake(
        "results/cpu/runs/resnet20_pretraining/float/seed0/record.json",
        config=("scale=cpu", "data_root=~/data"),
        variables={"HOME": str(tmp_path)},
    )
    assert outcome.returncode != 0
    assert str(tmp_path / "data") in outcome.stdout + outcome.stderr
    assert not (project.root / "~").exists()


def test_results_may_lie_outside_and_under_a_name_of_their_own(project, tmp_path):
    changes = (
        f"results_root={tmp_path}/out",
        "name=quick",
        "seeds=[0]",
        "epochs=1",
        "arms=[fb,pb]",
    )
    config = ("scale=smoke", *changes, "experiments=[lenet5_mnist]")
    outcome = project.snakemake("figure_1", "table_1", "--until", "figure_1", config=config)
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    assert (project.root / "figures" / "quick" / "figure_1.pdf").exists()
    assert (tmp_path / "out" / "quick" / "logs").is_dir()
    assert not (project.root / "results" / "quick").exists()
    known = project.snakemake(
        "table_1", "--dry-run", config=(f"results_root={tmp_path}/out", "scale=quick")
    )
    assert known.returncode == 0, known.stderr[-4000:]
