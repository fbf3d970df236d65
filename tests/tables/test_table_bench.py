"""The table of measured speed and memory against what was measured."""

import dataclasses

import pytest
from tests import fake_performance
from tests.tables.shown import texts

from partial_backprop.artifacts import to_tex
from partial_backprop.performance import TITLES
from partial_backprop.report import tables


def test_a_line_for_each_quantity_under_its_benchmark():
    table = tables.build("table_bench", fake_performance.inputs())
    assert texts(table) == [
        [TITLES["loop"]],
        ["VGG19, batch 1 of 100", "0.800 ×", "0.72 to 0.88", "≥ 1.0", "missed"],
        ["LeNet-5", "3.00 ×", "2.7 to 3.3", "≥ 1.0", "met"],
        [TITLES["kde"]],
        ["Memory", "172 MiB", "–", "–", ""],
    ]
    assert r"\ensuremath{\times}" in to_tex(table)


def test_the_csv_has_every_value_and_what_was_divided():
    frame = tables.build("table_bench", fake_performance.inputs()).frame.set_index("quantity")
    vgg19 = frame.loc["vgg19"]
    assert (vgg19["median"], vgg19["goal"], vgg19["goal_is"]) == (0.8, 1.0, "at least")
    assert not vgg19["met"]
    assert vgg19["parts_s"] == "plain:2 our_own:2.5"
    assert frame.loc["memory", "n"] == 1
    assert frame.loc["memory", "goal_is"] == ""


def test_machine_and_load_are_named():
    notes = " ".join(tables.build("table_bench", fake_performance.inputs(load=3.25)).notes)
    assert "Processor of a test, 2 cores, 8 GiB, 1 thread" in notes
    assert "torch 2.13.0" in notes
    assert "3.25" in notes


def test_a_measurement_that_was_cut_short_is_called_so():
    inputs = fake_performance.inputs()
    short = tuple(one.model_copy(update={"quick": True}) for one in inputs.performance)
    table = tables.build("table_bench", dataclasses.replace(inputs, performance=short))
    assert texts(table)[0] == [f"{TITLES['loop']} (cut short)"]


@pytest.mark.parametrize("n", [0, 1])
def test_without_quantities_it_says_how_to_measure(n):
    inputs = fake_performance.inputs()
    table = tables.build(
        "table_bench", dataclasses.replace(inputs, performance=inputs.performance[:n])
    )
    assert texts(table) == [["not run: make bench"]]
    assert len(table.frame) == 0
    assert list(table.frame.columns) == ["benchmark", "quantity"]
