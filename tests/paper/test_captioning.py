"""Sentences on captioning follow the data: each rule is shown runs whose verdict can be read off."""

import re
import shutil
from pathlib import Path

import pytest

import fake_captions
from partial_backprop import artifacts
from partial_backprop.figures import figure_4, figure_5, style
from partial_backprop.paper import article, captioning, latex, macros
from partial_backprop.paper.context import context
from partial_backprop.paper.text import Tex

SOURCE = Path(__file__).parents[2] / "paper" / "source"
SECTION = "sections/51_captioning.tex.j2"


def say(**what: object) -> dict[str, str]:
    return captioning.sentences(fake_captions.inputs(**what))


@pytest.mark.parametrize(
    "arms", [tuple(fake_captions.SCORES), ("fb",), ("pb",), ("pb_random",), ()]
)
@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_everything_is_latex_without_holes(arms, seeds) -> None:
    said = say(arms=arms, seeds=seeds)
    assert said.keys() == say().keys()
    for topic, text in said.items():
        assert isinstance(text, Tex) or topic == "data"
        assert not re.search(r"nan|None|\{\}|  ", text), text


def test_nothing_is_said_of_what_did_not_run() -> None:
    assert not any(say(arms=()).values())
    said = say(arms=("fb",))
    assert said["frozen"] == "Partial backpropagation was not run at this scale."
    assert "The comparison of PB with FB was not run" in said["cost"]
    assert said["missing"] == "Not run: PB; PB, gradients only; PB, random mask."
    assert said["zeros"] == ""
    assert said["unmoved"] == ""


def test_what_is_frozen_stands_beside_the_printed_share() -> None:
    said = say()
    assert said["frozen"] == (
        r"The source's threshold of 0.05, at our learning rate a raw gradient of $2.5\times 10^{-5}$, "
        r"freezes 60.00\,\% of the weights (printed: 61.81\,\%)."
    )
    assert r"The gradient of 20.00\,\% of the weights is exactly zero" in said["zeros"]
    assert r"of which 75.00\,\% lie in the embedding" in said["zeros"]
    assert r"frozen because it is small, are 40.00\,\% of all" in said["zeros"]
    assert r"60.00\,\% of the weights end" in said["unmoved"]
    assert r"masked, 10.00\,\%" in said["unmoved"]


def test_another_threshold_is_not_the_source_s() -> None:
    inputs = fake_captions.inputs(arms=("pb",))
    (run,) = inputs.runs
    freezing = run.record.freezing.model_copy(
        update={"threshold": 2.0 * fake_captions.LEARNING_RATE}
    )
    record = run.record.model_copy(update={"freezing": freezing})
    changed = type(inputs)(
        inputs.scale, inputs.title, (type(run)(run.path, record),), (), inputs.reported
    )
    assert captioning.sentences(changed)["frozen"].startswith(
        "In the source's unit, a threshold of 2, at our learning rate a raw gradient of 0.001, freezes"
    )


def test_scores_have_three_digits_and_a_spread() -> None:
    assert say()["scores"] == (
        "BLEU-4 of the beam's captions is 0.400 for FB, 0.500 for PB, 0.450 for PB, gradients only "
        "and 0.300 for PB, random mask."
    )
    assert r"0.410 $\pm$ 0.010 for FB" in say(seeds=(0, 1, 2))["scores"]


def test_one_seed_has_no_interval() -> None:
    said = say()["cost"]
    assert "PB minus FB: $+0.100$ over one paired seed." in said
    assert "The source has $+0.002$ from one run of each." in said
    assert "[" not in said


def test_the_reading_is_set_beside_the_difference() -> None:
    said = say(scores=fake_captions.SCORES | {"pb": 0.6})["readings"]
    # Greedy with one reference has (0.4 - 0.05) / 2, teacher-forced with five 0.4 + 0.1.
    assert "FB, has a BLEU-4 from 0.175 (greedy, one reference) to 0.500" in said
    assert "(teacher-forced, five references): 1.6 times the difference of PB and FB" in said
    assert "times" not in say(arms=("fb",))["readings"]
    assert "times" not in say(scores=dict.fromkeys(fake_captions.SCORES, 0.4))["readings"]


def test_the_control_is_judged() -> None:
    said = say()["control"]
    assert (
        r"BLEU-4 is then 0.100, against 0.400 with its own, \emph{so its captions tell of" in said
    )
    assert "On 100 test images there are 50 different captions." in said
    blind = say(scores=dict.fromkeys(fake_captions.SCORES, 0.1))["control"]
    assert "need not tell of the image at all" in blind


def test_the_setting_is_that_of_the_runs() -> None:
    said = say(seeds=(0, 1))["setting"]
    assert "at most eight epochs of 60 captions a step" in said
    assert "ended after 4 to 5 epochs, the best of which were the 4th." in said


@pytest.mark.parametrize(
    ("numbers", "said"), [([1], "1st"), ([2, 11], "2nd to 11th"), ([3, 23], "3rd to 23rd")]
)
def test_ordinals(numbers, said) -> None:
    assert captioning._ordinals(numbers) == said


def named(inputs, figures=()) -> dict[str, object]:
    return context(inputs, [Path("table_captioning.tex")], figures)


def test_the_section_without_runs_says_so() -> None:
    figures = [Path("figure_4.pdf"), Path("figure_5.pdf")]
    what = named(fake_captions.inputs(arms=()), figures)
    assert not what["figures"] & {"figure_4", "figure_5"}
    text = article.environment(SOURCE).get_template(SECTION).render(what)
    assert "It was not run at this scale." in text
    assert r"\begin{table}" not in text


def test_figure_4_needs_pb() -> None:
    figures = [Path("figure_4.pdf"), Path("figure_5.pdf")]
    found = named(fake_captions.inputs(arms=("fb",)), figures)["figures"]
    assert found == {"figure_5"}


def test_a_stand_in_is_named() -> None:
    section = article.environment(SOURCE).get_template(SECTION)
    assert "stand in for Flickr8k" in section.render(named(fake_captions.inputs()))
    real = section.render(named(fake_captions.inputs(data="flickr8k")))
    assert "stand in for" not in real
    small = section.render(named(fake_captions.inputs(data="flickr8k-224px")))
    assert (
        r"\emph{flickr8k-224px} are the photographs of Flickr8k, which somebody had scaled" in small
    )
    assert "Images have 32 pixels a side" in small


def test_the_section_is_typeset_and_fits_the_page(tmp_path: Path, tex: None) -> None:
    inputs = fake_captions.inputs(seeds=(0, 1, 2), root=tmp_path)
    fake_captions.write_examples(inputs)
    for folder in ("tables", "figures"):
        (tmp_path / folder).mkdir()
    table = artifacts._module("tables", "table_captioning").build(inputs)
    path = tmp_path / "tables" / "table_captioning.tex"
    path.write_text(artifacts.to_tex(table), encoding="utf-8")
    figures = []
    with style.applied():
        for name, module in (("figure_4", figure_4), ("figure_5", figure_5)):
            figures.append(tmp_path / "figures" / f"{name}.pdf")
            module.draw(inputs).savefig(figures[-1])
    # The sections that this one may refer to.
    chosen = [
        one
        for one in article.sections(SOURCE, {"captioning"})
        if one.template == SECTION or one.template[9:11] in ("10", "20", "30", "40", "90")
    ]
    template = article.environment(SOURCE).get_template("paper.tex.j2")
    text = template.render(named(inputs, figures) | {"sections": chosen})
    (tmp_path / "paper.tex").write_text(text, encoding="utf-8")
    (tmp_path / "macros.tex").write_text(macros.to_tex(macros.collect(inputs)), encoding="utf-8")
    shutil.copy(SOURCE / "references.bib", tmp_path)
    latex.compile(tmp_path, tmp_path / "out.pdf")
    log = (tmp_path / "paper.log").read_text(encoding="utf-8")
    assert [box for box in latex.overfull(log) if box[0] > 1] == []
