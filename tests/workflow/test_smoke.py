"""The smoke scale from configuration to PDF, in a copy of the project, and what a change reruns."""

import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from tests.project import LENET5, ROOT, Project

from partial_backprop import artifacts, captions, config
from partial_backprop.paper import latex


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """A copy in which nothing was run."""
    return Project(tmp_path_factory.mktemp("untouched"))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy in which everything was run at the smoke scale."""
    one = Project(tmp_path_factory.mktemp("project"))
    outcome = one.snakemake("all")
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    return one


@pytest.fixture(scope="module")
def records(project):
    """Every record of the smoke scale as plain JSON, by experiment, arm and seed."""
    found = {}
    for path in (project.root / "results/smoke/runs").rglob("record.json"):
        content = json.loads(path.read_text())
        found[content["experiment"], content["arm"], content["seed"]] = content
    return found


def percent(record, rule):
    (chosen,) = [one for one in record["selections"] if one["rule"] == rule]
    return 100 * chosen["test"]["n_correct"] / chosen["test"]["n_examples"]


NETWORKS = {
    "vgg19_cifar10": (0,),
    "resnet110_cifar10": (0,),
    "densenet121_cifar10": (0,),
    "lenet5_mnist": (0, 1),
}
"""Experiment of pb2020 -> its seeds."""


def test_every_run_left_a_record(records):
    assert set(records) == {
        (experiment, arm, seed)
        for experiment in config.read_scale("smoke").experiments
        for arm in config.arms("smoke", experiment)
        for seed in config.seeds("smoke", experiment, arm=arm)
    }
    assert {key[0] for key in records} > NETWORKS.keys()


def test_every_output_is_there_and_no_unfinished_run(project):
    for name in artifacts.names("tables"):
        content = (project.root / f"results/smoke/tables/{name}.csv").read_text()
        assert len(content) > 100 or name == "table_bench"  # nothing was measured
        assert (project.root / f"results/smoke/tables/{name}.tex").stat().st_size > 100
    for name in artifacts.names("figures"):
        assert (project.root / f"figures/smoke/{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (project.root / f"figures/smoke/{name}.png").stat().st_size > 4_000
    assert not list((project.root / "results/smoke/.checkpoints").glob("*"))


@pytest.mark.parametrize(
    ("rule", "printed"), [("last", "last"), ("best_on_test", "paper_protocol")]
)
def test_table_2_is_the_mean_of_the_records(project, records, rule, printed):
    table = pd.read_csv(project.root / "results/smoke/tables/table_2.csv")
    for experiment, seeds in NETWORKS.items():
        line = table[(table["experiment"] == experiment) & (table["rule"] == printed)].iloc[0]
        values = {
            arm: [percent(records[experiment, arm, seed], rule) for seed in seeds]
            for arm in ("fb", "pb")
        }
        for arm, accuracies in values.items():
            assert line[f"{arm}_accuracy_percent_mean"] == pytest.approx(
                sum(accuracies) / len(seeds)
            )
        layers = records[experiment, "pb", 0]["freezing"]["layers"]
        assert sum(layer["n_weights"] for layer in layers) == line["n_parameters"]


def test_runs_csv_has_every_record_and_rule(project, records):
    frame = pd.read_csv(project.root / "results/smoke/runs.csv")
    assert len(frame) == sum(len(found["selections"]) for found in records.values())
    assert len(frame) > 3 * 40


def test_the_labs_tables_are_those_of_the_records(project, records):
    tables = project.root / "results/smoke/tables"
    joint = records["lab3_quantization", "joint_2bit", 0]
    (before,) = joint["measurements"]["compression"]["without_finetuning"]
    frame = pd.read_csv(tables / "table_lab3_joint.csv")
    row = frame[frame["arm"] == "joint_2bit"].iloc[0]
    expected = 100 * before["test"]["n_correct"] / before["test"]["n_examples"]
    assert row["without_finetuning_accuracy_percent_mean"] == pytest.approx(expected)
    assert row["last_accuracy_percent_mean"] == pytest.approx(percent(joint, "last"))
    layers = records["lab2_pruning", "iterative_global", 0]["measurements"]["compression"]
    counts = [one for one in layers["finetuned"]["layers"] if one["prunable"]]
    share = sum(one["n_zeros"] for one in counts) / sum(one["n_weights"] for one in counts)
    assert share == pytest.approx(0.8, abs=0.001)
    linear = records["lab1", "projected_full_batch", 0]["measurements"]["linear"]
    assert linear["courses"][0]["weights"][-1] == pytest.approx([0, -3, 0, 0, 1])


def test_the_pdf_says_what_the_tables_say(project):
    text = subprocess.run(
        ["pdftotext", "-layout", str(project.root / "paper/smoke.pdf"), "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    table = pd.read_csv(project.root / "results/smoke/tables/table_2.csv")
    for _, line in table.iterrows():
        for arm in ("fb", "pb"):
            assert f"{line[f'{arm}_accuracy_percent_mean']:.2f}" in text
    assert "scenes" in text
    assert "digits" in text
    assert "??" not in text


def test_the_paper_has_at_most_twelve_and_twelve_pages(project):
    made = (project.root / "paper/build/smoke/paper.log").read_text(encoding="utf-8")
    assert max(latex.pages(made)) <= 12
    assert [box for box in latex.overfull(made) if box[0] > 1] == []


def test_configurations_are_those_of_the_records(project, records):
    frame = pd.read_csv(project.root / "results/smoke/configurations.csv")
    found = {row.experiment: row for row in frame.itertuples()}
    assert len(frame) == len(records)
    assert found.keys() == {key[0] for key in records}


def test_a_second_run_does_nothing(project):
    outcome = project.snakemake("all")
    assert outcome.returncode == 0
    assert "Nothing to be done" in outcome.stdout + outcome.stderr


def test_the_same_runs_typeset_again_give_the_same_bytes(project):
    paths = [project.root / "paper/smoke.pdf", *(project.root / "figures/smoke").iterdir()]
    before = {path: path.read_bytes() for path in paths}
    outcome = project.snakemake("paper", "--forcerun", "figure_1", "figure_3", "build_paper")
    assert outcome.returncode == 0, outcome.stderr
    assert all(path.read_bytes() == content for path, content in before.items())


def test_editing_a_figure_rebuilds_it_and_the_paper_alone(project):
    with project.edited("experiments/partial_backprop/figure_2.py"):
        assert project.planned("all") == {"figure_2": 1, "build_page": 1, "build_paper": 1}


def test_editing_the_training_loop_retrains_everything(project, untouched):
    with project.edited("training/loop.py"):
        planned = project.planned("all")
    first = untouched.planned("all")
    assert all(planned[rule] == first[rule] for rule in ("train_trunk", "train_arm", "compress"))


def test_editing_a_network_retrains_that_network_alone(project):
    with project.edited("networks/vgg19.py"):
        planned = project.planned("all")
    assert (planned["train_trunk"], planned["train_arm"]) == (1, 6)


def test_editing_the_pruner_prunes_again_and_trains_nothing_else(project):
    with project.edited("pruning/pruner.py"):
        planned = project.planned("all")
    assert planned["compress"] == 11
    assert not {"pretrain", "linear_lab", "train_trunk", "train_arm", "inclusion_masks"} & set(
        planned
    )


def test_nothing_that_does_not_change_numbers_retrains(project):
    outcome = project.snakemake(
        "all", "--dry-run", config=("scale=smoke", "device=cpu", "data_root=x")
    )
    assert "Nothing to be done" in outcome.stdout + outcome.stderr


def test_one_figure_needs_what_it_needs_and_no_more(untouched):
    assert untouched.planned("figure_2") == {
        "train_trunk": 1,
        "measure_gradients": 1,
        "figure_2": 1,
    }
    # FB and PB of four networks, Otsu's thresholds and random masks of two.
    assert untouched.planned("table_1")["train_arm"] == 12


def test_an_arm_that_shares_no_epochs_waits_for_none(untouched):
    run = "results/smoke/runs/lenet5_mnist/{}/seed0/record.json"
    assert untouched.planned(run.format("fb")) == {"train_trunk": 1, "train_arm": 1}
    assert untouched.planned(run.format("fb_bf16")) == {"train_arm": 1}


def test_the_report_shows_every_table_and_figure(project):
    outcome = project.snakemake("all", "--report", "report.html")
    assert outcome.returncode == 0, outcome.stderr
    text = (project.root / "report.html").read_text(encoding="utf-8")
    assert "trains every weight" in text  # the workflow's description
    for words in captions.read(project.root / "config").values():
        for shown in (words.title, words.of):
            assert shown in text or json.dumps(shown)[1:-1] in text
    assert "ERROR" not in outcome.stderr  # of docutils, in a caption


def test_the_results_page_shows_every_run_table_and_figure(project, records):
    text = (project.root / "results/smoke/index.html").read_text(encoding="utf-8")
    for experiment, arm, seed in records:
        assert f'<tr id="{experiment}/{arm}/seed{seed}">' in text
    shown = artifacts.names("tables") + artifacts.names("figures")
    assert all(f'id="{name}"' in text for name in shown if name != "table_claims")


def test_a_logger_shows_the_progress_of_the_whole(project):
    outcome = project.snakemake("figure_1", "--forcerun", "figure_1", "--logger", "rich")
    assert outcome.returncode == 0, outcome.stderr
    assert "Workflow Finished" in outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        (("scale=huge",), "config/scales/huge.yaml"),
        (("scael=demo",), "scael"),
        (("scale=smoke", "experiments=lab2_pruning", "name=alone"), "resnet20_pretraining"),
    ],
)
def test_a_bad_setting_is_told_in_a_line(untouched, settings, word):
    outcome = untouched.snakemake("all", "--dry-run", config=settings)
    assert outcome.returncode != 0
    (line,) = [line for line in outcome.stderr.splitlines() if line.startswith("error: ")]
    assert word in line
    assert "Traceback" not in outcome.stderr


def test_published_records_are_rendered_without_training(untouched):
    shutil.copytree(ROOT / "results" / "published", untouched.root / "results" / "published")
    outcome = untouched.snakemake("table_2", config=("scale=published",))
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    assert "train_" not in outcome.stdout + outcome.stderr
    table = (untouched.root / "results/published/tables/table_2.tex").read_text()
    assert "MNIST" in table


def test_shipped_records_of_another_configuration_are_noticed_without_metadata(project, tmp_path):
    """Snakemake's own notes do not travel with a clone; a record carries its configuration's hash."""
    clone = Project(tmp_path)
    shutil.copytree(project.root / "results", clone.root / "results", copy_function=shutil.copy2)
    path = clone.root / LENET5
    path.write_text(path.read_text().replace("threshold: 0.50", "threshold: 0.60"))
    outcome = clone.snakemake(
        "table_arms", "--forcerun", "table_arms", "--allowed-rules", "table_arms"
    )
    assert outcome.returncode != 0
    assert "was made with another configuration" in outcome.stdout + outcome.stderr


def test_an_archive_renders_again_without_training(project, tmp_path):
    shutil.copytree(ROOT / "scripts", project.root / "scripts", dirs_exist_ok=True)
    pack = [sys.executable, "scripts/archive.py", "smoke"]
    outcome = subprocess.run(
        pack, cwd=project.root, env=project.env(), capture_output=True, text=True, check=True
    )
    shutil.unpack_archive(project.root / outcome.stdout.strip(), tmp_path)
    (root,) = tmp_path.iterdir()
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=root, check=True)
    names = ("table_arms", "table_lab1", "table_captioning", "table_dessilbi_6")
    unpacked = Project.at(root)
    outcome = unpacked.snakemake(*names, config=("scale=published",))
    assert outcome.returncode == 0, outcome.stderr[-4000:]
    for name in names:
        again = root / "results" / "published" / "tables" / f"{name}.csv"
        packed = root / "results" / "smoke" / "tables" / f"{name}.csv"
        assert again.read_bytes() == packed.read_bytes()


def test_the_catalogs_entry_plans_the_same(untouched):
    outcome = untouched.snakemake("--dry-run", "--snakefile", "workflow/Snakefile")
    assert outcome.returncode == 0, outcome.stderr
    assert "build_paper" in outcome.stdout
