"""The tables of Labs 2 and 3 against the records that they are made from."""

import statistics
from types import ModuleType

import pandas as pd
import pytest

import fake_labs
from partial_backprop import labels
from partial_backprop.artifacts import to_tex
from partial_backprop.frames import points
from partial_backprop.inputs import Inputs
from partial_backprop.measurements import compression
from partial_backprop.record import Record
from partial_backprop.tables import (
    lab_rows,
    table_lab2_layers,
    table_lab2_pruning,
    table_lab3_joint,
    table_lab3_quantization,
    table_statements,
)
from partial_backprop.tables.layout import Cell, Table

MODULES = (
    table_lab2_layers,
    table_lab2_pruning,
    table_lab3_joint,
    table_lab3_quantization,
    table_statements,
)
LAB2, LAB3 = fake_labs.ARMS


def records(inputs: Inputs, experiment: str, arm: str) -> list[Record]:
    found = [run.record for run in inputs.runs]
    return [one for one in found if (one.experiment, one.arm) == (experiment, arm)]


def texts(table: Table) -> list[list[str]]:
    """Cells of the body, each span once."""
    return [
        [cell.text if isinstance(cell, Cell) else cell for cell in row.cells] for row in table.body
    ]


def mean_percent(counts: list) -> float:
    return statistics.fmean(100 * one.n_correct / one.n_examples for one in counts)


def test_accuracies_after_fine_tuning_are_those_of_the_selections() -> None:
    inputs = fake_labs.inputs(seeds=(0, 1, 2))
    frame = table_lab2_pruning.build(inputs).frame
    for arm in labels.LAB2:
        (row,) = [row for _, row in frame.iterrows() if row["arm"] == arm and row["part"] in PARTS]
        of_arm = records(inputs, LAB2, arm)
        for rule in lab_rows.RULES:
            counts = [record.selection(rule).test for record in of_arm]
            assert row[f"{rule}_accuracy_percent_mean"] == pytest.approx(mean_percent(counts))
            told = " ".join(str(count.n_correct) for count in counts)
            assert row[f"{rule}_test_n_correct"] == told
        spread = statistics.stdev(
            100 * record.selection("last").test.n_correct / fake_labs.N_TEST for record in of_arm
        )
        assert row["last_accuracy_percent_std"] == pytest.approx(spread)


PARTS = {"(c)", "(d)", "(e)"}


def test_each_share_pruned_at_once_has_its_own_point() -> None:
    inputs = fake_labs.inputs()
    lines = [line for line in texts(table_lab2_pruning.build(inputs)) if len(line) > 1]
    (layer,) = [line for line in lines if line[1] == "60 % layer by layer"]
    assert layer == ["(b)", "60 % layer by layer", "59.9990", "70.00", "−20.00", "72.26"]
    (over_all,) = [line for line in lines if line[1] == "60 % over all layers"]
    assert over_all[3:] == ["75.00", "−15.00", "–"]


def test_one_seed_has_no_spread_and_several_have() -> None:
    one, several = (
        texts(table_lab3_quantization.build(fake_labs.inputs(seeds=seeds)))
        for seeds in ((0,), (0, 1, 2))
    )
    assert one[3][5:8] == ["88.00", "88.50", "89.00"]
    assert several[3][5:8] == ["89.00 ± 1.00", "89.50 ± 1.00", "90.00 ± 1.00"]


def test_layers_agree_with_the_printed_ones_to_the_last_digit() -> None:
    """Counts of percentile pruning, made by hand in `fake_labs`, give the seed's shares exactly."""
    table = table_lab2_layers.build(fake_labs.inputs(seeds=(0, 1)))
    listed = table.frame[table.frame["layer"] != table_lab2_layers.TOTAL]
    assert len(listed) == 20
    assert "id_mapping" not in " ".join(listed["layer"])
    for part in ("lab2_c", "lab2_d"):
        assert listed[f"{part}_equal"].all()
        assert (listed[f"{part}_zeros_share_mean"] == listed[f"{part}_printed_share"]).all()
    assert not listed["lab2_e_equal"].any()
    assert "2 (c) in 20 of 20 layers" in " ".join(table.notes)


def test_a_single_different_count_is_not_equal() -> None:
    inputs = fake_labs.inputs(("lab2_pruning",))
    run = next(run for run in inputs.runs if run.record.arm == "finetune")
    report = run.record.measurements[compression.KEY]
    report["finetuned"]["layers"][0]["n_zeros"] += 1
    table = table_lab2_layers.build(inputs)
    assert not table.frame.loc[0, "lab2_c_equal"]
    assert "2 (c) in 19 of 20 layers" in " ".join(table.notes)


def test_the_total_counts_every_prunable_weight_once() -> None:
    table = table_lab2_layers.build(fake_labs.inputs())
    total = table.frame.iloc[-1]
    listed = table.frame.iloc[:-1]
    assert total["n_weights"] == "268336"
    for part in ("lab2_c", "lab2_e", "lab3_e"):
        zeros = listed[f"{part}_n_zeros"].astype(int).sum()
        assert total[f"{part}_zeros_share_mean"] == zeros / 268336
    assert total["lab2_e_printed_share"] == 0.8000007453342078  # seed 003, line 294


def test_bits_are_read_from_the_arm_that_has_them() -> None:
    lines = {line[0]: line for line in texts(table_lab3_quantization.build(fake_labs.inputs()))}
    made = fake_labs.ARMS[LAB3]
    for bits in table_lab3_quantization.BITS:
        arm = made[table_lab3_quantization.ARMS[bits]]
        assert lines[str(bits)][1:3] == [str(2**bits), f"{arm.at_once[None, bits]:.2f}"]
    assert lines["6"][5:] == ["–"] * 5
    assert lines["2"][-1] == "85.91"


def test_zeros_kept_and_lost_stand_side_by_side() -> None:
    table = table_lab3_joint.build(fake_labs.inputs())
    lines = texts(table)
    assert [line[:2] for line in lines if line[0]] == [
        ["sparse, of Lab 2 (e)", "float"],
        ["(d) zeros kept", "4"],
        ["zeros lost", "4"],
        ["(e) in steps", "4"],
    ]
    kept, lost = lines[1], lines[4]
    assert kept[2:5] == ["80.92", "82.00", "10.00"]
    assert lost[2:5] == ["0.00", "11.00", "–"]
    assert lost[5:7] == ["0.00", "76.00"]
    assert lines[5][5:] == ["–"] * 5
    assert "at 4 bits only the network that lost its zeros fails" in " ".join(table.notes)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_what_did_not_run_is_said(module: ModuleType) -> None:
    table = module.build(fake_labs.inputs(()))
    said = " ".join(cell for line in texts(table) for cell in line) + " ".join(table.notes)
    assert "not run" in said.lower()
    assert "CIFAR" not in said
    assert table.frame.select_dtypes("float").shape[1] > 5
    assert to_tex(table).isascii()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_the_data_set_that_ran_is_named(module: ModuleType) -> None:
    notes = " ".join(module.build(fake_labs.inputs()).notes)
    assert "on scenes (2,000 training, 500 validation, 1,000 test images)" in notes
    assert "CIFAR" not in notes
    # Two labs of one network on the same data are told once.
    assert notes.count("272,474") == 1


def test_weights_that_a_user_gave_are_named() -> None:
    run = fake_labs.record(LAB2, "finetune", 0)
    taken = {"checkpoint": {"file": "theirs.pt", "sha256": "0" * 64}}
    names = {"experiment": "resnet20_pretraining", "arm": "float"}
    config = run.config.model_copy(update=names)
    more = run.model_copy(update={**names, "config": config, "measurements": taken})
    assert "weights of the file theirs.pt" in lab_rows.origin(fake_labs.inputs(more=[more]))
    trained = more.model_copy(update={"measurements": {}})
    assert "we trained for 20 epochs" in lab_rows.origin(fake_labs.inputs(more=[trained]))


def test_the_start_is_that_of_the_runs() -> None:
    frame = points.frame(fake_labs.inputs(seeds=(0, 1)).runs)
    assert points.started(frame).to_dict() == {0: 90.0, 1: 90.0}
    assert points.started(frame, fake_labs.SPARSE).to_dict() == {0: 84.0, 1: 84.0}
    assert points.started(points.frame(())).empty


def test_points_hold_every_setting_of_every_run_once() -> None:
    inputs = fake_labs.inputs(seeds=(0, 1))
    frame = points.frame(inputs.runs)
    arms = [arm for of_lab in fake_labs.ARMS.values() for arm in of_lab.values()]
    # The start, every setting without fine-tuning, and three rules after it.
    assert len(frame) == 2 * sum(1 + len(arm.at_once) + 3 for arm in arms)
    keys = ["experiment", "arm", "seed", "stage", "sparsity", "bits"]
    assert not frame.duplicated(keys).any()
    assert (frame["test_accuracy_percent"] == frame["test_n_correct"] / 10).all()
    layers = points.layers(inputs.runs)
    last = layers[layers["stage"].eq("last") & layers["prunable"].eq(True)]
    zeros = last.groupby(["experiment", "arm", "seed"])["n_zeros"].sum()
    told = frame[frame["stage"] == "last"].set_index(["experiment", "arm", "seed"])["n_zeros"]
    pd.testing.assert_series_equal(
        zeros.astype(float).sort_index(), told.astype(float).sort_index(), check_names=False
    )


@pytest.mark.parametrize(
    ("kept", "lost", "verdict"),
    [
        (80, 11, "explains"),
        (20, 11, "both_fail"),
        (80, 20.1, "both_work"),
        (19, 75, "only_kept_fails"),
    ],
)
def test_to_fail_is_to_be_at_most_twice_as_good_as_chance(kept, lost, verdict) -> None:
    made = fake_labs.ARMS[LAB3]
    changed = {
        name: fake_labs.Arm(arm.start, {(None, 4): value}, (None, 4), 80, arm.zeros)
        for name, value in (("joint_4bit", kept), ("joint_zeros_lost", lost))
        for arm in (made[name],)
    }
    (judged,) = points.zeros_lost(points.frame(fake_labs.inputs(changed=changed).runs))
    assert (judged.bits, judged.chance_percent, judged.verdict) == (4, 10.0, verdict)
