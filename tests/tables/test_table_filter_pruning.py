"""The table of filter pruning shows what was measured, and the printed numbers beside it."""

import pytest
from tests import fake_filters
from tests.tables.shown import cells, texts

from partial_backprop import folders
from partial_backprop.measurements import filters
from partial_backprop.report import tables
from partial_backprop.report.layout import Table

ARMS = folders.about("filter_pruning").arms


@pytest.fixture(scope="module")
def table() -> Table:
    return tables.build("table_filter_pruning", fake_filters.inputs())


def line(table: Table, name: str) -> list[str]:
    return next(found for found in texts(table) if found[0] == name)


def test_each_arm_has_its_line(table):
    assert [cells(row)[0] for row in table.body[: len(ARMS)]] == list(ARMS.values())
    found = line(table, "group lasso by filters")
    assert found[1] == "50.0"
    assert found[3:] == ["58.0", "68.0", "25.0", "25.0", "25.0", "–"]
    assert line(table, "without penalty")[5:] == ["100.0", "100.0", "100.0", "–"]


def test_printed_numbers_stand_in_lines_of_their_own(table):
    for name, total, accuracy in (
        ("printed, without penalty", "–", "63.4"),
        ("printed, with it (1)", "74.1", "–"),
        ("printed, with it (2)", "74.1", "64.1"),
    ):
        assert line(table, name) == [name, "–", total, "–", accuracy, *"––––"]
        assert next(row for row in table.body if cells(row)[0] == name).italic


def test_layers_are_counted_by_both_rules(table):
    found = line(table, "conv3_1.weight")
    # Half of 16 filters; a quarter; none. Signed: half of the weights; and the same.
    assert found == [
        "conv3_1.weight",
        "1,152",
        "50.0",
        "25.0",
        "0.0",
        "50.0",
        "50.0",
        "58.6",
        "58.6",
    ]
    assert [cells(row)[0] for row in table.body[-7:]] == list(fake_filters.TENSORS)
    row = table.frame[table.frame["name"].eq("conv3_1.weight")].iloc[0]
    assert row["printed_1_percent"] == pytest.approx(100 * 172778 / 294912)


def test_several_seeds_have_a_spread_and_counts(table):
    found = tables.build("table_filter_pruning", fake_filters.inputs((0, 1, 2)))
    assert line(found, "without penalty")[3] == "61.0 ± 1.0"
    row = found.frame[found.frame["name"].eq("plain")].iloc[0]
    assert (row["n_seeds"], row["test_n_correct"]) == (3, "600 610 620")


def test_times_are_shown_where_there_are_any(tmp_path):
    path = tmp_path / "filter_pruning" / "group_filters" / "seed0" / filters.TIMING
    path.parent.mkdir(parents=True)
    path.write_text("whole_s,small_s\n4e-3,1e-3\n")
    found = tables.build("table_filter_pruning", fake_filters.inputs(folder=tmp_path))
    assert line(found, "group lasso by filters")[-1] == "25.0"
