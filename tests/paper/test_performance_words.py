"""Sentences on speed and memory follow what was measured."""

import dataclasses
import re
from pathlib import Path

import pytest

import fake_performance
from partial_backprop.paper import article, performance
from partial_backprop.paper.context import context
from partial_backprop.paper.text import Tex

SOURCE = Path(__file__).parents[2] / "paper" / "source"
SECTION = "sections/96_performance.tex.j2"


def say(**what):
    return performance.sentences(fake_performance.inputs(**what))


def test_a_goal_that_is_missed_is_named_with_its_number():
    said = say()["goals"]
    assert said.startswith(r"Of two goals one was met. \emph{Missed}: VGG19, batch 1 of 100 (0.8; ")
    assert "at least 1 was aimed at" in said
    assert say(missed=False)["goals"] == "All of two goals were met."


def test_growth_is_told_as_a_power():
    said = say()["growth"]
    assert "1.0 (curve of mask\\_fixed\\_time, by weights)" in said
    assert "0.3 (curve of jobs\\_time, by jobs)" in said
    assert "memory" not in said


@pytest.mark.parametrize(("load", "busy"), [(0.1, False), (0.9, False), (1.5, True)])
def test_a_busy_machine_is_admitted(load, busy):
    assert bool(say(load=load)["machine"]) == busy


def test_everything_is_latex_without_holes():
    for text in say(load=5.0).values():
        assert isinstance(text, Tex)
        assert not re.search(r"nan|None|\{\}|  ", text), text


@pytest.mark.parametrize("measured", [True, False])
def test_the_appendix_says_what_was_measured_or_how_to(measured):
    inputs = fake_performance.inputs()
    if not measured:
        inputs = dataclasses.replace(inputs, performance=())
    files = [Path("table_bench.tex")], [Path("figure_bench.pdf")]
    named = context(inputs, *files)
    text = article.environment(SOURCE).get_template(SECTION).render(named)
    assert r"\input{tables/table_bench.tex}" in text
    assert ("figure_bench.pdf" in text) == measured
    assert ("Nothing was measured" in text) != measured
