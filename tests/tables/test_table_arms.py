"""The table of all arms against numbers computed from the records by hand."""

import statistics
from pathlib import Path

import pytest
from tests import fakes

from partial_backprop import labels
from partial_backprop.experiments.partial_backprop import cnns
from partial_backprop.report import tables
from partial_backprop.report.layout import Cell

# "PB" is a part of every other arm's name, and "FB" of some.
_UNAMBIGUOUS = {arm: name for arm, name in cnns.ARMS.items() if arm not in ("fb", "pb")}


def test_every_arm_that_ran_has_a_line(tmp_path: Path) -> None:
    table = tables.build("table_arms", fakes.inputs(tmp_path))
    lines = [row.cells[0] for row in table.body if not row.italic]
    assert lines == [labels.arm(arm) for arm in fakes.ARMS] * 4
    heads = [row.cells[0] for row in table.body if row.italic]
    assert heads[0] == Cell("VGG19 (reduced) on scenes, 2,000 images, 12 epochs (8, 10)", 9, "l")
    (said,) = [note for note in table.notes if note.startswith("Not run")]
    assert all((name in said) == (arm not in fakes.ARMS) for arm, name in _UNAMBIGUOUS.items())


def test_numbers_agree_with_the_records(tmp_path: Path) -> None:
    inputs = fakes.inputs(tmp_path)
    table = tables.build("table_arms", inputs)
    rows = iter(row.cells for row in table.body if not row.italic)
    for experiment in fakes.EXPERIMENTS:
        for arm in fakes.ARMS:
            found = [
                run.record
                for run in inputs.runs
                if (run.record.experiment, run.record.arm) == (experiment, arm)
            ]
            cells = next(rows)
            for cell, rule in zip(
                cells[1:4], ("last", "best_on_validation", "best_on_test"), strict=True
            ):
                counts = [record.selection(rule).test for record in found]
                values = [100 * count.n_correct / count.n_examples for count in counts]
                mean, std = statistics.fmean(values), statistics.stdev(values)
                assert cell == f"{mean:.2f} ± {std:.2f}"
            for cell, field in zip(
                cells[5:8], ("n_mask_zeros", "n_natural_zeros", "n_unmoved"), strict=True
            ):
                shares = [
                    100 * record.freezing.total(field) / record.freezing.total("n_weights")
                    for record in found
                ]
                assert cell == f"{statistics.fmean(shares):.2f}"
            if arm == "fb":
                assert (cells[4], cells[5], cells[8]) == ("–", "0.00", "–")
            elif arm != "pb_gradient":
                assert cells[8] == "0"


def test_drift_is_per_masked_weight(tmp_path: Path) -> None:
    inputs = fakes.inputs(tmp_path, experiments=["lenet5_mnist"], seeds=(0,))
    frame = tables.build("table_arms", inputs).frame.set_index("arm")
    (record,) = [run.record for run in inputs.runs if run.record.arm == "pb_gradient"]
    layers = record.freezing.layers
    expected = sum(x.drift_sum_abs for x in layers) / sum(x.n_mask_zeros for x in layers)
    assert frame.loc["pb_gradient", "drift_mean_abs_mean"] == pytest.approx(expected)


def test_not_run_and_unknown_arms(tmp_path: Path) -> None:
    table = tables.build(
        "table_arms", fakes.inputs(tmp_path, experiments=["resnet110_cifar10"], arms=["fb"])
    )
    heads = [row.cells[0].text for row in table.body if row.italic]
    assert heads == [
        "VGG19: not run",
        "ResNet-110 (reduced) on scenes, 2,000 images, 12 epochs (8, 10)",
        "DenseNet-121: not run",
        "LeNet-5: not run",
    ]


def test_all_of_mnist_has_lines_of_its_own_where_it_ran(tmp_path: Path) -> None:
    both = ["lenet5_mnist", fakes.AS_IN_SOURCE]
    table = tables.build("table_arms", fakes.inputs(tmp_path, experiments=both, arms=["fb", "pb"]))
    assert set(both) <= set(table.frame["experiment"])
    assert len([row for row in table.body if not row.italic]) == 4
