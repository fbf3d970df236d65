"""Sentences on weight pruning follow the data: each rule is shown runs whose verdict can be read off."""

import re
import shutil
from pathlib import Path

import pytest

import fake_sizes
from fake_sizes import FILES
from partial_backprop import artifacts
from partial_backprop.paper import article, latex, macros, weight_pruning
from partial_backprop.paper.context import context
from partial_backprop.paper.text import Tex

SOURCE = Path(__file__).parents[2] / "paper" / "source"
SECTION = "sections/59_weight_pruning.tex.j2"


def say(**what: object) -> dict[str, Tex]:
    return weight_pruning.sentences(fake_sizes.inputs(**what))


def changed(content: str, *mib: float) -> dict[str, object]:
    return {"files": FILES | {content: mib}}


@pytest.mark.parametrize("arms", [("pruned", "dense"), ("pruned",), ("dense",), ()])
@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_everything_is_latex_without_holes(arms, seeds) -> None:
    for text in say(arms=arms, seeds=seeds).values():
        assert isinstance(text, Tex)
        assert not re.search(r"nan|None|\{\}|  ", text), text


def test_what_the_source_prints() -> None:
    said = say(arms=())["source"]
    assert r"4.11 and 16.28\,Mb, after compression 3.79 and 3.27\,Mb" in said
    assert r"68.74\,\% and 70.15\,\%" in said
    # 4.11 · 2²⁰ / 4 = 1.077 million.
    assert "about 1.08 million weights" in said


def test_nothing_is_said_of_what_did_not_run() -> None:
    said = say(arms=())
    assert not any(said[topic] for topic in said if topic != "source")
    assert "Not run: fine-tuned, nothing pruned." in say(arms=("pruned",))["ran"]
    assert "the fair comparison, was not run" in say(arms=("pruned",))["accuracy"]


def test_the_schedule_and_setting_are_those_of_the_runs() -> None:
    said = say()
    assert (
        r"three prunings from 50\,\% before the first step to 80\,\% after step 200"
        in (said["schedule"])
    )
    assert r"80.00\,\% of 1,000 weights in two layers are zero" in said["schedule"]
    assert "two epochs of Adam with a learning rate of 0.001, in batches of 128" in said["setting"]


def test_what_compressors_leave_of_dense_weights() -> None:
    # 3.6 and 3.5 of 4, and 3.79 of 4.11.
    assert (
        r"take 4.00\,MiB, of which a zip archive leaves 90\,\% and zstd 88\,\% (printed, zip: 92\,\%)"
        in (say()["plain"])
    )


def test_the_ratio_is_judged_by_the_files() -> None:
    # 15.8 / 4 against 16.28 / 4.11.
    said = say()["ratio"]
    assert "mask and Adam's two moments, four numbers in all. Such a file" in said
    assert "is 3.95 times as large" in said
    assert "holds 3.96 times as many numbers" in said
    assert r"have a ratio of 3.96. \emph{This agrees with such a file}" in said
    other = say(**changed("training_state", 11.0, 8.0, 8.0))["ratio"]
    assert "is 2.75 times as large" in other
    assert r"\emph{Such a file does not explain it}" in other


def test_the_zipped_state_is_set_beside_the_printed_one() -> None:
    # 8 / 15.8 and 3.2 / 15.8 against 3.27 / 16.28.
    said = say()["zip"]
    assert r"leaves 51\,\% of this file" in said
    assert r"it would leave 20\,\%" in said
    assert r"have 20\,\%, which is closer to the latter" in said
    other = say(
        files=FILES | {"training_state": (15.8, 3.2, 3), "training_state_masked": (15.8, 1, 1)}
    )
    assert "closer to the former" in other["zip"]


def test_what_is_smaller() -> None:
    said = say()
    assert "take 1.00 times the file" in said["stripped"]
    assert (
        "4.0 times smaller than the zipped unpruned weights, zstd one 3.5 times"
        in (said["stripped"])
    )
    assert (
        r"take 0.800\,MiB, 5.0 times less than the unpruned weights, and 4.8 times"
        in (said["sparse"])
    )
    assert "same outputs on all 1,000 test images, bit for bit" in said["sparse"]


def test_other_outputs_are_told() -> None:
    said = say(n_same=997)["sparse"]
    assert r"\emph{gives other outputs on 3 of 1,000 test images}" in said


def test_the_pruned_network_is_compared_twice() -> None:
    said = say()["accuracy"]
    # 1.96 · sqrt((82 · 18 + 80 · 20) / 1000) = 3.44.
    assert "minus the unpruned one it started from: $+2.00$" in said
    assert r"$\pm$3.44" in said
    assert "The source finds $+1.41$ points." in said
    assert "fine-tuned as long without pruning: $-3.00$" in said
    assert "over three paired seeds" in say(seeds=(0, 1, 2))["accuracy"]


def named(**what: object) -> dict[str, object]:
    inputs = fake_sizes.inputs(**what)
    found = context(inputs, [Path("table_weight_pruning.tex")], [])
    return found | {"weight_pruning": weight_pruning.sentences(inputs)}


def test_the_section_without_runs_says_so() -> None:
    text = article.environment(SOURCE).get_template(SECTION).render(named(arms=()))
    assert "It was not run at this scale." in text
    assert r"\begin{table}" not in text


def test_the_section_is_typeset_and_fits_the_page(tmp_path: Path, tex: None) -> None:
    inputs = fake_sizes.inputs(seeds=(0, 1, 2))
    (tmp_path / "tables").mkdir()
    table = artifacts._module("tables", "table_weight_pruning").build(inputs)
    path = tmp_path / "tables" / "table_weight_pruning.tex"
    path.write_text(artifacts.to_tex(table), encoding="utf-8")
    # The sections that this one may refer to.
    chosen = [
        one
        for one in article.sections(SOURCE, {"weight_pruning"})
        if one.template == SECTION or one.template[9:11] in ("10", "20", "30", "40", "90")
    ]
    text = article.environment(SOURCE).get_template("paper.tex.j2")
    what = named(seeds=(0, 1, 2)) | {"sections": chosen}
    (tmp_path / "paper.tex").write_text(text.render(what), encoding="utf-8")
    (tmp_path / "macros.tex").write_text(macros.to_tex(macros.collect(inputs)), encoding="utf-8")
    shutil.copy(SOURCE / "references.bib", tmp_path)
    latex.compile(tmp_path, tmp_path / "out.pdf")
    log = (tmp_path / "paper.log").read_text(encoding="utf-8")
    assert [box for box in latex.overfull(log) if box[0] > 1] == []
