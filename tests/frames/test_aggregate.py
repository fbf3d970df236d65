"""Reading runs, frames, and the statistics over seeds."""

import csv
import dataclasses
import json
import math
import statistics
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from tests import fake_captions, fakes

from partial_backprop import inputs, intervals
from partial_backprop.errors import UserError
from partial_backprop.frames import aggregate

NAME = "lenet5_mnist"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fakes.write_config(tmp_path)


@pytest.fixture
def records(tmp_path: Path, folder: Path) -> list[Path]:
    return fakes.write_campaign(tmp_path, folder, experiments=[NAME])[0]


def test_runs_are_sorted_whatever_the_order_of_paths(records: list[Path], folder: Path) -> None:
    forward = inputs.read_runs(records, scale=fakes.SCALE, config_dir=folder)
    backward = inputs.read_runs(records[::-1], scale=fakes.SCALE, config_dir=folder)
    assert forward == backward
    assert [run.key for run in forward] == sorted(run.key for run in forward)
    assert len(forward) == len(fakes.ARMS) * 3
    assert all(run.current for run in forward)


def test_the_same_run_twice_is_refused(records: list[Path]) -> None:
    copy = records[0].with_name("copy.json")
    copy.write_bytes(records[0].read_bytes())
    with pytest.raises(UserError, match="same run"):
        inputs.read_runs([*records, copy])


def test_the_same_path_twice_is_one_run(records: list[Path]) -> None:
    assert len(inputs.read_runs([*records, records[0]])) == len(records)


def test_a_changed_configuration_is_refused(tmp_path: Path, records: list[Path]) -> None:
    changed = fakes.write_config(tmp_path / "later", epochs=13)
    with pytest.raises(UserError, match=r"record\.json.*configuration"):
        inputs.read_runs(records, scale=fakes.SCALE, config_dir=changed)
    assert inputs.read_runs(records, config_dir=changed)


def test_published_records_of_another_configuration_are_flagged(
    tmp_path: Path, records: list[Path], folder: Path
) -> None:
    changed = fakes.write_config(tmp_path / "later", epochs=13)
    same = inputs.read_runs(records, scale="published", config_dir=folder)
    other = inputs.read_runs(records, scale="published", config_dir=changed)
    assert all(run.current for run in same)
    assert not any(run.current for run in other)
    (changed / "experiments" / f"{NAME}.yaml").unlink()
    gone = inputs.read_runs(records, scale="published", config_dir=changed)
    assert not any(run.current for run in gone)


def test_a_record_of_another_scale_is_refused(records: list[Path], folder: Path) -> None:
    content = (folder / "scales" / f"{fakes.SCALE}.yaml").read_bytes()
    (folder / "scales" / "other.yaml").write_bytes(content)
    with pytest.raises(UserError, match="scale"):
        inputs.read_runs(records, scale="other", config_dir=folder)


def test_gradients_are_checked_like_runs(tmp_path: Path, folder: Path) -> None:
    paths = [
        fakes.write_gradients(tmp_path, fakes.gradient_sample(folder, NAME, seed))
        for seed in (1, 0)
    ]
    samples = inputs.read_gradients(paths, scale=fakes.SCALE, config_dir=folder)
    assert [sample.seed for sample in samples] == [0, 1]
    changed = fakes.write_config(tmp_path / "later", epochs=12)
    text = (changed / "experiments" / f"{NAME}.yaml").read_text()
    (changed / "experiments" / f"{NAME}.yaml").write_text(text + "training: {shared_epochs: 3}\n")
    with pytest.raises(UserError, match="another configuration"):
        inputs.read_gradients(paths, scale=fakes.SCALE, config_dir=changed)
    copy = paths[0].with_name("copy.json")
    copy.write_bytes(paths[0].read_bytes())
    with pytest.raises(UserError, match="same run"):
        inputs.read_gradients([*paths, copy])


def test_history_is_read_to_the_last_bit(records: list[Path]) -> None:
    run = inputs.read_runs(records[:1])[0]
    with run.path.with_name("history.csv").open() as file:
        rows = list(csv.DictReader(file))
    frame = run.history()
    assert len(frame) == len(rows) == 12
    for column in inputs.HISTORY_COLUMNS:
        assert frame[column].tolist() == [float(row[column]) for row in rows]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: "", "is damaged"),
        (lambda text: text.replace("test_loss", "loss"), "has no column test_loss"),
        (lambda text: text.rsplit("\n", 2)[0] + "\n", "epochs"),
        (lambda text: text + text.splitlines()[-1] + "\n", "does not hold each"),
    ],
)
def test_a_damaged_history_is_named(records: list[Path], damage, message: str) -> None:
    run = inputs.read_runs(records[:1])[0]
    path = run.path.with_name("history.csv")
    path.write_text(damage(path.read_text()))
    with pytest.raises(UserError, match=message):
        run.history()


def test_a_missing_history_is_named(records: list[Path]) -> None:
    run = inputs.read_runs(records[:1])[0]
    run.path.with_name("history.csv").unlink()
    with pytest.raises(UserError, match=r"cannot read .*history\.csv"):
        run.history()


def test_runs_frame_agrees_with_the_raw_json(records: list[Path]) -> None:
    frame = aggregate.runs_frame(inputs.read_runs(records))
    assert len(frame) == len(records) * 3
    for path in records:
        raw = json.loads(path.read_text())
        for selection in raw["selections"]:
            (row,) = frame[
                (frame["arm"] == raw["arm"])
                & (frame["seed"] == raw["seed"])
                & (frame["rule"] == selection["rule"])
            ].to_dict("records")
            test = selection["test"]
            expected = 100 * test["n_correct"] / test["n_examples"]
            assert row["test_accuracy_percent"] == pytest.approx(expected, rel=1e-15)
            assert row["epoch"] == selection["epoch"]
            assert row["n_parameters"] == raw["network"]["n_parameters"]
            assert (row["data"], row["n_train"]) == (raw["data"]["name"], raw["data"]["n_train"])
            layers = raw["freezing"]["layers"]
            n = sum(layer["n_weights"] for layer in layers)
            masked = sum(layer["n_mask_zeros"] for layer in layers)
            assert row["mask_zeros_percent"] == pytest.approx(100 * masked / n)
            for name in ("natural_zeros", "unmoved"):
                count = sum(layer[f"n_{name}"] for layer in layers)
                assert row[f"{name}_percent"] == pytest.approx(100 * count / n)
            if raw["arm"] == "fb":
                assert math.isnan(row["drift_mean_abs"])
            else:
                drift = sum(layer["drift_sum_abs"] for layer in layers) / masked
                assert row["drift_mean_abs"] == pytest.approx(drift)
            if raw["freezing"]["threshold"] is not None:
                assert row["threshold_paper"] == pytest.approx(raw["freezing"]["threshold"] / 0.001)


def test_a_record_without_counts_has_no_shares(records: list[Path]) -> None:
    (run,) = inputs.read_runs(records[:1])
    bare = dataclasses.replace(run, record=run.record.model_copy(update={"freezing": None}))
    frame = aggregate.runs_frame([bare])
    assert frame["mask_zeros_percent"].isna().all()
    assert frame["drift_mean_abs"].isna().all()
    assert aggregate.layers_frame([bare]).empty


def test_layers_frame_has_a_row_a_tensor(records: list[Path]) -> None:
    frame = aggregate.layers_frame(inputs.read_runs(records))
    assert len(frame) == len(fakes.ARMS) * 3 * 2
    row = frame[frame["arm"] == "pb"].iloc[0]
    assert row["mask_zeros_percent"] == 100 * row["n_mask_zeros"] / row["n_weights"]


def test_histories_frame_stacks_all_epochs(records: list[Path]) -> None:
    frame = aggregate.histories_frame(inputs.read_runs(records))
    assert len(frame) == len(records) * 12
    share = frame["validation_n_correct"] / frame["validation_n_examples"]
    assert np.allclose(frame["validation_accuracy_percent"], 100 * share)


def test_histories_of_other_kinds_are_left_out() -> None:
    """A captioning run has a history of its own columns; its record tells of every epoch."""
    assert aggregate.histories_frame(fake_captions.inputs().runs).empty


def test_frames_of_nothing_are_empty() -> None:
    for make in (aggregate.runs_frame, aggregate.layers_frame, aggregate.histories_frame):
        assert make(()).empty
    assert aggregate.by_seed(aggregate.runs_frame(()), NAME, "fb", "epoch").empty


def test_by_seed_picks_one_rule(records: list[Path]) -> None:
    frame = aggregate.runs_frame(inputs.read_runs(records))
    picked = aggregate.by_seed(frame, NAME, "fb", "epoch", "last")
    assert picked.to_dict() == {0: 11, 1: 11, 2: 11}


ACCURACIES = st.lists(st.floats(0, 100), min_size=2, max_size=8)


@given(ACCURACIES, st.data())
def test_interval_is_scipys_paired_t_test(fb: list[float], data: st.DataObject) -> None:
    pb = data.draw(st.lists(st.floats(0, 100), min_size=len(fb), max_size=len(fb)))
    found = intervals.paired_difference(pd.Series(fb), pd.Series(pb))
    differences = [b - a for a, b in zip(fb, pb, strict=True)]
    assert found.n == len(fb)
    assert found.mean == pytest.approx(statistics.fmean(differences), abs=1e-9)
    if statistics.stdev(differences) > 1e-6:
        expected = scipy.stats.ttest_rel(pb, fb).confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx(tuple(expected), rel=1e-6, abs=1e-6)


def test_a_difference_needs_pairs() -> None:
    fb, pb = pd.Series({0: 90.0, 1: 91.0}), pd.Series({1: 90.5, 2: 80.0})
    one = intervals.paired_difference(fb, pb)
    assert (one.mean, one.n) == (-0.5, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    none = intervals.paired_difference(fb, pd.Series(dtype=float))
    assert none.n == 0
    assert math.isnan(none.mean)


@given(ACCURACIES)
def test_summary_is_the_sample_standard_deviation(values: list[float]) -> None:
    found = intervals.summary(pd.Series(values))
    assert found.mean == pytest.approx(statistics.fmean(values), abs=1e-9)
    assert found.std == pytest.approx(statistics.stdev(values), abs=1e-6)


def test_one_seed_has_no_spread() -> None:
    found = intervals.summary(pd.Series([88.0]))
    assert (found.mean, found.n) == (88.0, 1)
    assert math.isnan(found.std)
