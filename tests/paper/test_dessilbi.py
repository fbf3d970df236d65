"""The section on DessiLBI says what was measured, and what was not."""

import re
import shutil
from pathlib import Path

import pytest

import fake_inclusion
from partial_backprop import artifacts
from partial_backprop.frames.inclusion_arms import MNIST, TICKETS
from partial_backprop.inputs import Inputs
from partial_backprop.paper import article, dessilbi, latex, macros
from partial_backprop.paper.context import context
from partial_backprop.paper.text import Tex
from partial_backprop.record import Record
from partial_backprop.report import tables

SOURCE = Path(__file__).parents[2] / "paper" / "source"
SECTION = "sections/60_inclusion_paths.tex.j2"
TABLES = [f"table_dessilbi_{number}" for number in range(1, 11)]


def without(*experiments: str) -> Inputs:
    return fake_inclusion.inputs(only=lambda record: record.experiment not in experiments)


@pytest.fixture(scope="module")
def said() -> dict[str, Tex]:
    return dessilbi.sentences(fake_inclusion.inputs())


def test_no_sentence_has_a_hole(said):
    for topic, text in said.items():
        assert isinstance(text, Tex), topic
        assert text or topic == "failures"
        assert not re.search(r"nan|None|\{\}|  ", text), text


def test_nothing_is_said_of_what_did_not_run():
    said = dessilbi.sentences(fake_inclusion.inputs(()))
    assert said["ran"] == said["coupling"] == said["growth"] == said["failures"] == ""
    for topic in ("rivals", "cost", "kappa", "nu", "lenet3", "convolutional", "tickets"):
        assert "not run at this scale" in said[topic], topic
    assert "nan" not in " ".join(said.values())


@pytest.mark.parametrize("gone", dessilbi.EXPERIMENTS)
def test_any_experiment_may_be_absent(gone):
    said = dessilbi.sentences(without(gone))
    assert "nan" not in " ".join(said.values())


def test_what_did_not_run_is_listed():
    assert dessilbi.sentences(without(MNIST))["absent"] == (
        "Not run at this scale: the optimizers on MNIST and the optimizers on ImageNet."
    )


def test_data_are_called_by_their_own_names(said):
    assert "on digits" in said["rivals"]
    assert "on scenes" in said["rivals"]
    assert "MNIST" not in said["ran"] + said["rivals"]


def test_the_optimizers_are_compared(said):
    # The made-up accuracies rise by a point from arm to arm, from 70 to 82.
    assert r"from 70.00\,\% (SGD) to 82.00\,\% (DessiLBI, momentum, decay)" in said["rivals"]
    assert "DessiLBI with momentum and decay minus SGD with both" in said["rivals"]
    assert r"has 80.00\,\%, where the full one has 82.00\,\%" in said["rivals"]


def test_density_by_nu(said):
    assert r"at $\nu$ = 10 and " in said["nu"]
    assert "at 1000." in said["nu"]
    assert "after epochs 1, 2, 4 and 8" in said["growth"]


def test_networks_that_did_not_learn_are_told_and_not_judged():
    def at_chance(record: Record) -> bool:
        """Bring VGG16 down to guessing."""
        if record.network.name == "vgg16" and record.config.training is not None:
            for epoch in record.measurements.get("inclusion", {"epochs": []})["epochs"]:
                epoch["full_test"]["n_correct"] = 110
            for selection in record.selections:
                object.__setattr__(selection.test, "n_correct", 110)
        return True

    said = dessilbi.sentences(fake_inclusion.inputs(only=at_chance))
    assert said["failures"].startswith(
        r"VGG16 did not learn at this scale: it has at most 11.00\,\%"
    )
    for topic in ("kappa", "nu", "growth"):
        assert "VGG16" not in said[topic]
        assert "ResNet-56" in said[topic]
    assert "VGG16 did not learn at this scale" in said["tickets"]


def test_optimizers_and_layers_at_chance_are_told():
    def at_chance(record: Record) -> bool:
        """Bring two arms of table 1, and Conv-2, down to guessing."""
        if (record.experiment, record.arm) in ((MNIST, "sgd_mom_wd"), (MNIST, "adam")):
            object.__setattr__(record.selection("last").test, "n_correct", 100)
        if record.experiment == "dessilbi_conv2":
            for epoch in record.measurements["inclusion"]["epochs"]:
                epoch["full_test"]["n_correct"] = 100
        return True

    said = dessilbi.sentences(fake_inclusion.inputs(only=at_chance))
    assert (
        "No more than twice the accuracy of guessing have SGD, momentum, decay and Adam."
        in said["rivals"]
    )
    assert said["convolutional"].startswith("Conv-2 did not learn at this scale")
    assert "In Conv-4 the support has" in said["convolutional"]


def test_the_printed_densities_are_put_together(said):
    # (0.049 · 235,200 + 0.087 · 30,000 + 0.398 · 1,000) / 266,200 = 5.5 %.
    assert r"which is 5.5\,\% in all" in said["printed_layers"]


def test_a_layer_that_nothing_has_entered_is_no_sparse_layer():
    def short(record: Record) -> bool:
        if record.experiment == "dessilbi_conv2":
            for epoch in record.measurements["inclusion"]["epochs"]:
                for counts in (epoch["n_entered"], epoch["n_nonzero"]):
                    counts[2] = 0
        return True

    told = dessilbi.sentences(fake_inclusion.inputs(only=short))["convolutional"]
    assert "of FC1 has entered" in told
    assert "in the source" not in told


def test_a_support_without_which_nothing_works_is_told(said):
    def too_short(record: Record) -> bool:
        if record.experiment == "dessilbi_conv4":
            record.measurements["inclusion"]["epochs"][-1]["sparse_test"]["n_correct"] = 100
        return True

    assert "guessing" not in said["convolutional"]
    told = dessilbi.sentences(fake_inclusion.inputs(only=too_short))["convolutional"]
    assert told.count("hardly better than guessing") == 1
    assert told.index("Conv-4") < told.index("hardly better than guessing")


def test_tickets_are_compared_with_both(said):
    assert "the support after two epochs has 24.9" in said["tickets"]
    assert "The ticket minus the whole network" in said["tickets"]
    assert "The ticket minus the random mask" in said["tickets"]


def test_costs_are_told_where_there_are_times(tmp_path):
    fake_inclusion.write_times(tmp_path)
    said = dessilbi.sentences(fake_inclusion.inputs(folder=tmp_path))["cost"]
    # Ratios within the rounds are 1.3 for DessiLBI and 1.2 for Adam, in the slow round too.
    assert said.startswith("For VGG16 a step of DessiLBI, momentum takes 1.30 times as long")
    assert "(Adam's: 1.20 times)" in said


def test_the_section_without_runs_says_so():
    named = context(fake_inclusion.inputs(()), [Path("table_dessilbi_1.tex")], [])
    text = article.environment(SOURCE).get_template(SECTION).render(named)
    assert "It was not run at this scale." in text
    assert r"\begin{table}" not in text


def test_the_section_stands_before_the_departures():
    names = [
        one.template for one in article.sections(SOURCE, {"filter_pruning", *TICKETS.values()})
    ]
    place = names.index(SECTION)
    assert "59_zero_filters" in names[place - 1]
    assert "70_departures" in names[place + 1]


def test_the_section_is_typeset_and_fits_the_page(tmp_path, tex):
    fake_inclusion.write_times(tmp_path)
    inputs = fake_inclusion.inputs((0, 1, 2), folder=tmp_path)
    (tmp_path / "tables").mkdir()
    names = []
    for name in TABLES:
        names.append(Path(f"{name}.tex"))
        printed = artifacts.to_tex(tables.build(name, inputs))
        (tmp_path / "tables" / names[-1]).write_text(printed, encoding="utf-8")
    what = context(inputs, names, [])
    chosen = [
        one
        for one in article.sections(SOURCE, {MNIST})
        if one.template == SECTION or one.template[9:11] in ("10", "20", "30", "40", "90")
    ]
    what |= {"sections": sorted(chosen)}
    text = article.environment(SOURCE).get_template("paper.tex.j2").render(what)
    (tmp_path / "paper.tex").write_text(text, encoding="utf-8")
    (tmp_path / "macros.tex").write_text(macros.to_tex(macros.collect(inputs)), encoding="utf-8")
    shutil.copy(SOURCE / "references.bib", tmp_path)
    latex.compile(tmp_path, tmp_path / "out.pdf")
    log = (tmp_path / "paper.log").read_text(encoding="utf-8")
    assert [box for box in latex.overfull(log) if box[0] > 1] == []
