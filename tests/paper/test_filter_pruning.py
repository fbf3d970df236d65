"""Sentences on filter pruning follow the data: each rule is shown runs whose verdict can be read off."""

import re
import shutil
from pathlib import Path

import pytest

import fake_filters
from fake_filters import MADE, Arm
from partial_backprop import artifacts
from partial_backprop.frames.filter_arms import ARMS
from partial_backprop.measurements import filters
from partial_backprop.paper import article, filter_pruning, latex, macros
from partial_backprop.paper.context import context
from partial_backprop.paper.text import Tex
from partial_backprop.report import tables

SOURCE = Path(__file__).parents[2] / "paper" / "source"
SECTION = "sections/59_zero_filters.tex.j2"


def say(**what: object) -> dict[str, Tex]:
    seeds = what.pop("seeds", (0,))
    return filter_pruning.sentences(fake_filters.inputs(seeds, **what))


def test_everything_is_latex() -> None:
    for text in say().values():
        assert isinstance(text, Tex)
        assert not re.search(r"nan|None|\{\}|  ", text), text


def test_nothing_is_said_of_what_did_not_run() -> None:
    said = say(seeds=())
    assert said["ran"] == said["settings"] == said["removal"] == said["same"] == ""
    for topic in ("zeros", "signed", "root", "softmax", "script"):
        assert "not run at this scale" in said[topic]
    assert "nan" not in " ".join(said.values())


@pytest.mark.parametrize("gone", ARMS)
def test_any_arm_may_be_absent(gone: str) -> None:
    said = say(without=[gone])
    assert "nan" not in " ".join(said.values())
    assert f"Not run: {ARMS[gone]}." in said["ran"]


def test_settings_are_those_of_the_runs() -> None:
    said = say()["settings"]
    for text in ("12 epochs", "momentum 0.9", "rate of 0.05", "batches of 32", "at most $10^{-5}$"):
        assert text in said
    assert r"$3\times 10^{-4}$ (group lasso by filters and group lasso by channels)" in said
    assert (
        r"0.002 (sum of squares in its place and as the source's script); it begins after no epochs"
        in said
    )


def test_one_weight_for_all_penalties_is_told_once() -> None:
    said = say(without=["squares", "as_printed"])["settings"]
    assert r"weight $\lambda$ is $3\times 10^{-4}$; it begins" in said
    assert (
        "penalty's weight" not in say(without=[arm for arm in ARMS if arm != "plain"])["settings"]
    )


def test_printed_numbers() -> None:
    said = say(seeds=())
    for text in ("17,192,650", r"74.103\,\% and 74.089\,\%", r"64.06\,\%", r"63.37\,\%"):
        assert text in said["source"]
    assert "31,687 out of 50,000" in said["test"]
    # 1.96 · sqrt(82/128 · 46/128 / 128) = 8.3 points.
    assert r"82 out of 128: one batch, which leaves an error of $\pm$8.3 points" in said["test"]
    assert "below 1.461; the source's are 1.840 and 1.857" in said["softmax"]
    assert "in all 6 cases" in said["lists"]
    assert "26 and 23 of 256" in said["lists"]


def test_zeros_and_accuracies() -> None:
    said = say()
    assert r"50.00\,\% with the group lasso by filters" in said["zeros"]
    assert r"0.00\,\% without penalty" in said["zeros"]
    assert "$-2.00$" in said["accuracy"]  # 58 against 60 of 1000
    assert "$-8.00$" in said["accuracy"]  # 52
    assert said["units"] == (
        "Of the 4, 8, 16 and 64 units of the layers before the last, the group lasso by filters leaves "
        "2, 4, 8 and 32 and the group lasso by channels leaves 2, 4, 8 and 32 (seed 0)."
    )


def test_each_defect_is_told_by_its_numbers() -> None:
    said = say()
    assert r"\emph{A network without any penalty is 49.79\,\% sparse}" in said["signed"]
    assert "no unit can be removed" in said["root"]
    changed = {"squares": Arm(0.1, 59, "squares", left=0.9)}
    assert r"90.00\,\% of the parameters are left" in say(changed=changed)["root"]
    assert "minus with one" in said["softmax"]
    assert "differs from that on the test set by $+10.00$ to $+10.00$ points" in said["test"]
    assert r"the log says 49.79\,\% sparse (printed: 74.10\,\%)" in said["script"]
    assert (
        r"an accuracy of 50.00\,\%; what holds of this network is 0.00\,\% zeros" in said["script"]
    )


def test_what_removal_gains(tmp_path: Path) -> None:
    path = tmp_path / "group_filters" / "seed0" / filters.TIMING
    path.parent.mkdir(parents=True)
    path.write_text("whole_s,small_s\n4e-3,1e-3\n")
    said = say(folder=tmp_path)
    assert (
        r"by filters 25.0\,\% of the parameters, 25.0\,\% of the multiplications" in said["removal"]
    )
    assert r"25.0\,\% of the file and 25.0\,\% of the time; with the" in said["removal"]
    assert r"50.0\,\% of the file." in said["removal"]
    assert (
        r"at most $2\times 10^{-6}$, where outputs go up to 12.5, and all of them" in said["same"]
    )


def test_a_smaller_network_of_another_accuracy_is_told() -> None:
    inputs = fake_filters.inputs()
    count = inputs.runs[0].record.measurements[filters.KEY]["small_test"]
    count["n_correct"] -= 1
    assert "1 of 6 differ in accuracy" in filter_pruning.sentences(inputs)["same"]


def test_the_section_without_runs_says_so() -> None:
    named = context(fake_filters.inputs(()), [Path("table_filter_pruning.tex")], [])
    text = article.environment(SOURCE).get_template(SECTION).render(named)
    assert "It was not run at this scale." in text
    assert r"\begin{table}" not in text


def test_the_section_stands_behind_weight_pruning() -> None:
    names = [one.template for one in article.sections(SOURCE, {"filter_pruning", "weight_pruning"})]
    place = names.index(SECTION)
    assert "59_weight_pruning" in names[place - 1]
    assert "70_" in names[place + 1]


def test_the_section_is_typeset_and_fits_the_page(tmp_path: Path, tex: None) -> None:
    inputs = fake_filters.inputs((0, 1, 2))
    (tmp_path / "tables").mkdir()
    printed = artifacts.to_tex(tables.build("table_filter_pruning", inputs))
    (tmp_path / "tables" / "table_filter_pruning.tex").write_text(printed, encoding="utf-8")
    what = context(inputs, [Path("table_filter_pruning.tex")], [])
    chosen = [
        one
        for one in article.sections(SOURCE, {"filter_pruning"})
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


def test_mades_are_the_arms() -> None:
    assert list(MADE) == list(ARMS)
