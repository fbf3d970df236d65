"""The table of how stable masks are, against overlaps that are counted by hand."""

import dataclasses
from pathlib import Path

import pytest

import fakes
from partial_backprop.inputs import Inputs
from partial_backprop.measurements.mask_stability import KEY, BatchMask, MaskStability, Pair
from partial_backprop.report import tables
from partial_backprop.report.layout import Cell

NAME = "lenet5_mnist"


def mask(size: int, start: int, n_frozen: int, n_both: int) -> BatchMask:
    return BatchMask(
        batch_size=size, start=start, threshold=1e-4, n_frozen=n_frozen, n_zero_gradients=n_frozen,
        n_zero_under_first=60, n_frozen_in_first=n_both,
    )  # fmt: skip


REPORT = MaskStability(
    epoch=2,
    n_weights=100,
    own=mask(100, 0, 50, 50),
    others=(mask(25, 100, 40, 30), mask(25, 125, 60, 40), mask(400, 100, 50, 45)),
    pairs=(Pair(batch_size=25, first=100, second=125, n_frozen_in_both=35),),
)


def measured(inputs: Inputs) -> Inputs:
    runs = []
    for run in inputs.runs:
        record = run.record
        if record.arm == "pb":
            report = REPORT.model_dump(mode="json")
            record = record.model_copy(update={"measurements": {KEY: report}})
        runs.append(dataclasses.replace(run, record=record))
    return dataclasses.replace(inputs, runs=tuple(runs))


def test_overlaps_are_shares_of_the_union(tmp_path: Path) -> None:
    table = tables.build(
        "table_mask_stability", measured(fakes.inputs(tmp_path, experiments=[NAME], seeds=(0, 1)))
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
