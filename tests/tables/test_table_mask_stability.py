"""The table of how stable masks are, against overlaps that are counted by hand."""

from pathlib import Path

import pytest
from tests import everything, fakes

from partial_backprop.report import tables
from partial_backprop.report.layout import Cell

NAME = "lenet5_mnist"


def test_overlaps_are_shares_of_the_union(tmp_path: Path) -> None:
    table = tables.build(
        "table_mask_stability",
        everything.measured(fakes.inputs(tmp_path, experiments=[NAME], seeds=(0, 1))),
    )
    lines = [row.cells for row in table.body if not row.italic]
    assert [cells[0] for cells in lines] == ["25", "400"]
    small, large = lines
    assert small[1:5] == ("4", "50.00", "50.00", "60.00")  # two masks of each of two seeds
    assert small[5] == f"{(30 / 60 + 40 / 70) / 2:.3f}"
    assert small[6] == f"{(20 / 70 + 30 / 80) / 2:.3f}"
    assert small[7] == f"{35 / 65:.3f}"
    assert large[5] == f"{45 / 55:.3f}"
    assert large[7] == "–"  # one mask has no pair
    frame = table.frame.set_index(["experiment", "batch_size"])
    assert frame.loc[(NAME, 25), "overlap_own"] == pytest.approx((30 / 60 + 40 / 70) / 2)


def test_older_records_are_not_said_not_to_have_run(tmp_path: Path) -> None:
    table = tables.build("table_mask_stability", fakes.inputs(tmp_path, experiments=[NAME]))
    heads = [cell.text for row in table.body for cell in row.cells if isinstance(cell, Cell)]
    assert [head.partition(": ")[2] for head in heads] == ["not run"] * 3 + ["not measured"]
