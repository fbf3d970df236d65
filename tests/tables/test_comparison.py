"""Tables 1 and 2: every number against one that is computed from the records by hand."""

import dataclasses
import math
import statistics
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from tests import fakes
from tests.tables.shown import texts

from partial_backprop import labels
from partial_backprop.correct_images import CorrectImages
from partial_backprop.experiments.partial_backprop import cnns
from partial_backprop.inputs import Inputs
from partial_backprop.report import tables

RULES = ("paper_protocol", "last")
RECORDED = {"paper_protocol": "best_on_test"}  # a column's name -> the rule in records


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """All networks, arms and seeds."""
    return fakes.inputs(tmp_path_factory.mktemp("full"))


def percents(inputs: Inputs, experiment: str, arm: str, rule: str) -> dict[int, float]:
    """Test accuracy by seed, straight from the records."""
    found = {}
    for run in inputs.runs:
        if (run.record.experiment, run.record.arm) == (experiment, arm):
            count = next(
                s.test for s in run.record.selections if s.rule == RECORDED.get(rule, rule)
            )
            found[run.record.seed] = 100 * count.n_correct / count.n_examples
    return found


def frozen(inputs: Inputs, experiment: str) -> list[float]:
    """Share of masked weights by seed, straight from the records."""
    return [
        100
        * sum(layer.n_mask_zeros for layer in run.record.freezing.layers)
        / sum(layer.n_weights for layer in run.record.freezing.layers)
        for run in inputs.runs
        if (run.record.experiment, run.record.arm) == (experiment, "pb")
    ]


def test_table_2_prints_means_spreads_and_intervals(full: Inputs) -> None:
    table = tables.build("table_2", full)
    rows = texts(table)
    assert len(rows) == 4 * 4
    for position, experiment in enumerate(fakes.EXPERIMENTS):
        for line, rule in enumerate(RULES):
            cells = rows[4 * position + 1 + line]
            fb, pb = (percents(full, experiment, arm, rule) for arm in ("fb", "pb"))
            for cell, values in zip(cells[4:6], (fb, pb), strict=True):
                mean, std = statistics.fmean(values.values()), statistics.stdev(values.values())
                assert cell == f"{mean:.2f} ± {std:.2f}"
            differences = [pb[seed] - fb[seed] for seed in fb]
            low, high = scipy.stats.t.interval(
                0.95, len(fb) - 1, statistics.fmean(differences), scipy.stats.sem(differences)
            )
            numbers = f"{statistics.fmean(differences):.2f} [{low:.2f}, {high:.2f}]"
            assert cells[6].replace("−", "-") == numbers.replace("-0.00", "0.00")
        shares = frozen(full, experiment)
        first = rows[4 * position + 1]
        assert first[3] == f"{statistics.fmean(shares):.2f} ± {statistics.stdev(shares):.2f}"
        assert float(first[1]) == fakes.TWEAKED[experiment]


def test_printed_numbers_stand_beside_in_rows_of_their_own(full: Inputs) -> None:
    for name, place in (("table_1", "Table 1"), ("table_2", "Table 2")):
        table = tables.build(name, full)
        italic = [row.cells for row in table.body if row.italic]
        assert len(italic) == 4
        for cells, experiment in zip(italic, fakes.EXPERIMENTS, strict=True):
            entry = full.reported.entry("001", f"{name}.{experiment}")
            assert entry.place == place
            fb, pb = (entry.values[f"{arm}_accuracy_percent"] for arm in ("fb", "pb"))
            assert cells[0] == f"printed, on {entry.data}"
            assert cells[3:6] == (f"{entry.values['frozen_percent']:.2f}", f"{fb:.2f}", f"{pb:.2f}")
            assert cells[6] == f"−{fb - pb:.2f}"
            assert cells[7] == "–"
        # The stand-in's rows never carry the name of the set it stands for.
        for row in table.body:
            if not row.italic:
                assert not any("CIFAR" in str(cell) or "MNIST" in str(cell) for cell in row.cells)


def test_table_1_is_the_lowest_common_seed(tmp_path: Path) -> None:
    inputs = fakes.inputs(tmp_path, seeds=(1, 2))
    table = tables.build("table_1", inputs)
    rows = texts(table)
    for position, experiment in enumerate(fakes.EXPERIMENTS):
        for line, rule in enumerate(RULES):
            values = [percents(inputs, experiment, arm, rule)[1] for arm in ("fb", "pb")]
            cells = rows[4 * position + 1 + line]
            assert cells[4:6] == [f"{value:.2f}" for value in values]
            assert float(cells[6].replace("−", "-")) == pytest.approx(values[1] - values[0])
    assert set(table.frame["fb_seeds"]) == {"1"}
    assert "seed 1" in table.notes[0]


def test_one_seed_prints_no_interval(tmp_path: Path) -> None:
    table = tables.build("table_2", fakes.inputs(tmp_path, seeds=(0,)))
    measured = [row for row in table.body if not row.italic and len(row.cells) > 1]
    assert measured
    assert all(str(row.cells[6]).endswith("[n/a (1 seed)]") for row in measured)
    assert all("±" not in str(row.cells[4]) for row in measured)
    assert table.frame["difference_points_low"].isna().all()
    assert table.frame["fb_accuracy_percent_std"].isna().all()


def test_what_did_not_run_still_has_its_rows(tmp_path: Path) -> None:
    table = tables.build("table_2", fakes.inputs(tmp_path, experiments=["lenet5_mnist"]))
    rows = texts(table)
    assert [row for row in rows if row[0].endswith("not run")] == [
        [f"{title}: not run"] for name, title in cnns.CNNS.items() if name != "lenet5_mnist"
    ]
    assert len([row for row in table.body if row.italic]) == 4
    status = table.frame.set_index("experiment")["status"]
    assert set(status["lenet5_mnist"]) == {"run"}
    assert set(status.drop("lenet5_mnist")) == {"not run"}


def test_an_arm_that_did_not_run_leaves_its_cells(tmp_path: Path) -> None:
    table = tables.build("table_2", fakes.inputs(tmp_path, arms=["fb"]))
    first = texts(table)[1]
    assert first[3] == first[5] == first[6] == "not run"
    assert "±" in first[4]
    # Without an arm that used them, thresholds come from the gradient samples.
    assert first[1] == "0.040"
    assert first[2] == "0.072"


def test_the_frame_has_full_precision_and_counts(full: Inputs) -> None:
    frame = tables.build("table_2", full).frame
    for _, row in frame.iterrows():
        counts = [int(count) for count in row["fb_test_n_correct"].split()]
        examples = [int(count) for count in row["fb_test_n_examples"].split()]
        expected = [100 * c / n for c, n in zip(counts, examples, strict=True)]
        measured = percents(full, row["experiment"], "fb", row["rule"])
        assert list(measured.values()) == expected
        assert row["fb_accuracy_percent_mean"] == pytest.approx(
            statistics.fmean(expected), rel=1e-14
        )
        assert not math.isnan(row["difference_points_low"])


def with_bits(inputs: Inputs) -> Inputs:
    """The same runs, which also tell which test images were right: the first ones."""
    runs = []
    for run in inputs.runs:
        selections = []
        for one in run.record.selections:
            right = np.arange(one.test.n_examples) < one.test.n_correct
            bits = CorrectImages.of(np.packbits(right).tobytes(), one.test.n_examples)
            selections.append(one.model_copy(update={"test_correct": bits}))
        record = run.record.model_copy(update={"selections": tuple(selections)})
        runs.append(dataclasses.replace(run, record=record))
    return dataclasses.replace(inputs, runs=tuple(runs))


def test_a_row_names_data_and_schedule(full: Inputs) -> None:
    for name in ("table_1", "table_2"):
        assert texts(tables.build(name, full))[0] == [
            "VGG19 (reduced) on scenes, 2,000 images, 12 epochs (8, 10)"
        ]


def test_pb_is_compared_with_the_random_mask_on_the_seeds_that_both_have(tmp_path: Path) -> None:
    inputs = fakes.inputs(tmp_path, experiments=["lenet5_mnist"])
    runs = tuple(run for run in inputs.runs if run.key[1:] != ("pb_random", 1))
    table = tables.build("table_2", dataclasses.replace(inputs, runs=runs))
    row = table.frame.set_index(["experiment", "rule"]).loc["lenet5_mnist", "last"]
    pb, random = (percents(inputs, "lenet5_mnist", arm, "last") for arm in ("pb", "pb_random"))
    differences = [pb[seed] - random[seed] for seed in (0, 2)]
    assert row["random_difference_points_mean"] == pytest.approx(statistics.fmean(differences))
    assert row["random_n_pairs"] == 2
    last = next(cells for cells in texts(table) if cells[0] == labels.RULES["last"])
    assert last[7].count("[") == 1


def test_one_seed_has_an_interval_over_images_where_records_tell_them(tmp_path: Path) -> None:
    inputs = with_bits(fakes.inputs(tmp_path, experiments=["lenet5_mnist"], seeds=(0,)))
    row = tables.build("table_2", inputs).frame.query(
        "experiment == 'lenet5_mnist' and rule == 'last'"
    )
    (fb,), (pb,) = (percents(inputs, "lenet5_mnist", arm, "last").values() for arm in ("fb", "pb"))
    low, high = row["difference_points_low"].item(), row["difference_points_high"].item()
    assert row["difference_points_mean"].item() == pytest.approx(pb - fb)
    # Of n images a share p differs, all in one direction: a binomial count.
    p, n = abs(pb - fb) / 100, fakes.N_EXAMPLES["test"]
    assert high - low == pytest.approx(2 * 1.96 * 100 * math.sqrt(p * (1 - p) / n), rel=0.15)
    assert min(low, high) <= pb - fb <= max(low, high)


def test_the_experiment_with_the_split_of_the_source_takes_the_row(tmp_path: Path) -> None:
    both = ["lenet5_mnist", fakes.AS_IN_SOURCE]
    inputs = fakes.inputs(tmp_path, experiments=both)
    for name in ("table_1", "table_2"):
        table = tables.build(name, inputs)
        assert "lenet5_mnist" not in set(table.frame["experiment"])
        assert fakes.AS_IN_SOURCE in set(table.frame["experiment"])
        assert len([row for row in table.body if row.italic]) == 4
    only_fb = tuple(r for r in inputs.runs if r.key[:2] != (fakes.AS_IN_SOURCE, "pb"))
    table = tables.build("table_2", dataclasses.replace(inputs, runs=only_fb))
    assert fakes.AS_IN_SOURCE not in set(table.frame["experiment"])
