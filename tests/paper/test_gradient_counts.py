"""Sentences on counted and zeroed gradients follow the records and the printed numbers."""

import re
import shutil
from pathlib import Path

import pytest

import fake_gradients
from partial_backprop.artifacts import to_tex
from partial_backprop.paper import article, gradient_counts, latex, macros
from partial_backprop.paper.context import context
from partial_backprop.paper.text import Tex
from partial_backprop.report import tables

SOURCE = Path(__file__).parents[2] / "paper" / "source"
SECTION = "sections/59_gradient_counts.tex.j2"
TABLE = Path("table_gradients.tex")


def say(**what):
    return gradient_counts.sentences(fake_gradients.inputs(**what))


def test_everything_is_latex_without_holes():
    for text in say().values():
        assert isinstance(text, Tex)
        assert not re.search(r"nan|None|\{\}|  ", text), text


def test_slips_of_the_source_are_named():
    said = say(arms=())
    assert "printed as 549,112 and should be 549,120" in said["slips"]
    assert "36,854 is printed for 36,864 and 147,458 is printed for 147,456" in said["slips"]
    assert r"\texttt{conv2d\_3}, index 18, is in the sum, but in neither list" in said["slips"]
    assert "begins with index 0" in said["slips"]
    assert r"the share is 40.27\,\%, not 40.2\,\%" in said["share"]
    assert r"59.73\,\% of them are kept, not 59.8\,\%" in said["share"]
    assert r"with which it is 40.21\,\%" in said["share"]
    assert "1,152 of the entries are running statistics" in said["without_gradient"]
    assert r"220,689, or 40.19\,\%" in said["without_gradient"]


def test_nothing_is_said_of_what_did_not_run():
    said = say(arms=())
    assert said["ran"] == ""
    for topic in ("setting", "zeroed", "accuracy"):
        assert "not run at this scale" in said[topic]
    assert said["layers"] == said["squares"] == said["thresholds"] == ""


@pytest.mark.parametrize("gone", ["full", "threshold", "random"])
@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_any_arm_may_be_absent(gone, seeds):
    arms = [arm for arm in fake_gradients.ACCURACY if arm != gone]
    said = say(arms=arms, seeds=seeds)
    assert "Not run: " in said["ran"]
    assert not re.search("nan|None", " ".join(said.values()))


def test_settings_are_those_of_the_runs():
    setting = say()["setting"]
    for text in ("momentum 0.9", "rate of 0.001, in batches of 64", "up to 3 pixels"):
        assert text in setting
    assert r"dropout is 20\,\%, 30\,\%, 40\,\% and 50\,\%" in setting


def test_what_was_zeroed_is_counted():
    said = say()
    assert "221,150 of 552,874 entries" in said["zeroed"]
    assert r"40.27\,\% of the 549,120 eligible ones" in said["zeroed"]
    # 100 in each of seven kernels, made up in `fake_gradients`.
    assert "on average 700 of these are zero by themselves" in said["zeroed"]
    assert r"1.0\,\% of the kernel of \texttt{dense\_1} and 60.0\,\%" in said["layers"]
    assert said["squares"].startswith(r"The smallest gradients carry 1.00\,\% of the sum")
    assert r"as many at random carry 40.2" in said["squares"]
    assert "is 0.002 on average in the first epoch" in said["thresholds"]


def test_arms_are_compared_with_each_other():
    text = say(accuracy={"threshold": 75}, seeds=(0, 1, 2))["accuracy"]
    assert "training with all gradients: $-5.00$" in text
    assert "training with as many zeroed at random: $+5.00$" in text


@pytest.mark.parametrize("arms", [(), ("full", "threshold", "random")])
def test_the_section_says_what_ran(arms):
    found = gradient_counts.sentences(fake_gradients.inputs(arms))
    named = {"gradient_counts": found, "tables": {TABLE.stem} if arms else set()}
    text = article.environment(SOURCE).get_template(SECTION).render(named)
    assert "should be 549,120" in text
    assert ("It was not run at this scale." in text) != bool(arms)
    assert (r"\input{tables/table_gradients.tex}" in text) == bool(arms)
    assert (r"\paragraph{Accuracy.}" in text) == bool(arms)


def test_the_section_is_typeset_and_fits_the_page(tmp_path, tex):
    inputs = fake_gradients.inputs()
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / TABLE).write_text(to_tex(tables.build("table_gradients", inputs)))
    # The sections that others refer to, and ours.
    chosen = [
        one
        for one in article.sections(SOURCE, ["sparsification"])
        if one.template == SECTION or one.template[9:11] in ("10", "20", "30", "40", "90")
    ]
    named = context(inputs, [TABLE], []) | {"sections": chosen}
    text = article.environment(SOURCE).get_template("paper.tex.j2").render(named)
    (tmp_path / "paper.tex").write_text(text)
    (tmp_path / "macros.tex").write_text(macros.to_tex(macros.collect(inputs)))
    shutil.copy(SOURCE / "references.bib", tmp_path)
    latex.compile(tmp_path, tmp_path / "out.pdf")
    log = (tmp_path / "paper.log").read_text(encoding="utf-8", errors="replace")
    assert [box for box in latex.overfull(log) if box[0] > 1] == []
