"""The tables of Labs 2 and 3 against the records that they are made from."""

import statistics

import pytest
from tests import fake_labs
from tests import made as made_up
from tests.tables.shown import texts

from partial_backprop import config
from partial_backprop.inputs import Inputs
from partial_backprop.measurements import compression
from partial_backprop.record import Record
from partial_backprop.report import tables
from partial_backprop.report.rows import TOTAL

RULES = ("last", "best_on_validation", "paper_protocol")
RECORDED = {"paper_protocol": "best_on_test"}  # a column's name -> the rule in records
LAB2, LAB3 = fake_labs.ARMS


def records(inputs: Inputs, experiment: str, arm: str) -> list[Record]:
    found = [run.record for run in inputs.runs]
    return [one for one in found if (one.experiment, one.arm) == (experiment, arm)]


def mean_percent(counts: list) -> float:
    return statistics.fmean(100 * one.n_correct / one.n_examples for one in counts)


def test_accuracies_after_fine_tuning_are_those_of_the_selections() -> None:
    inputs = fake_labs.inputs(seeds=(0, 1, 2))
    frame = tables.build("table_lab2_pruning", inputs).frame
    for arm in config.every_arm("lab2_pruning"):
        (row,) = [row for _, row in frame.iterrows() if row["arm"] == arm and row["part"] in PARTS]
        of_arm = records(inputs, LAB2, arm)
        for rule in RULES:
            counts = [record.selection(RECORDED.get(rule, rule)).test for record in of_arm]
            assert row[f"{rule}_accuracy_percent_mean"] == pytest.approx(mean_percent(counts))
            told = " ".join(str(count.n_correct) for count in counts)
            assert row[f"{rule}_test_n_correct"] == told
        spread = statistics.stdev(
            100 * record.selection("last").test.n_correct / made_up.N_TEST for record in of_arm
        )
        assert row["last_accuracy_percent_std"] == pytest.approx(spread)


PARTS = {"(c)", "(d)", "(e)"}


def test_each_share_pruned_at_once_has_its_own_point() -> None:
    inputs = fake_labs.inputs()
    lines = [line for line in texts(tables.build("table_lab2_pruning", inputs)) if len(line) > 1]
    (layer,) = [line for line in lines if line[1] == "60 % layer by layer"]
    assert layer == ["(b)", "60 % layer by layer", "59.9990", "70.00", "−20.00", "72.26"]
    (over_all,) = [line for line in lines if line[1] == "60 % over all layers"]
    assert over_all[3:] == ["75.00", "−15.00", "–"]


def test_one_seed_has_no_spread_and_several_have() -> None:
    one, several = (
        texts(tables.build("table_lab3_quantization", fake_labs.inputs(seeds=seeds)))
        for seeds in ((0,), (0, 1, 2))
    )
    assert one[3][5:8] == ["88.00", "88.50", "89.00"]
    assert several[3][5:8] == ["89.00 ± 1.00", "89.50 ± 1.00", "90.00 ± 1.00"]


def test_layers_agree_with_the_printed_ones_to_the_last_digit() -> None:
    """Counts of percentile pruning, made by hand in `fake_labs`, give the seed's shares exactly."""
    table = tables.build("table_lab2_layers", fake_labs.inputs(seeds=(0, 1)))
    listed = table.frame[table.frame["layer"] != TOTAL]
    assert len(listed) == 20
    assert "id_mapping" not in " ".join(listed["layer"])
    for part in ("lab2_c", "lab2_d"):
        assert listed[f"{part}_equal"].all()
        assert (listed[f"{part}_zeros_share_mean"] == listed[f"{part}_printed_share"]).all()
    assert not listed["lab2_e_equal"].any()


def test_a_single_different_count_is_not_equal() -> None:
    inputs = fake_labs.inputs(("lab2_pruning",))
    run = next(run for run in inputs.runs if run.record.arm == "finetune")
    report = run.record.measurements[compression.KEY]
    report["finetuned"]["layers"][0]["n_zeros"] += 1
    table = tables.build("table_lab2_layers", inputs)
    assert not table.frame.loc[0, "lab2_c_equal"]


def test_the_total_counts_every_prunable_weight_once() -> None:
    table = tables.build("table_lab2_layers", fake_labs.inputs())
    total = table.frame.iloc[-1]
    listed = table.frame.iloc[:-1]
    assert total["n_weights"] == "268336"
    for part in ("lab2_c", "lab2_e", "lab3_e"):
        zeros = listed[f"{part}_n_zeros"].astype(int).sum()
        assert total[f"{part}_zeros_share_mean"] == zeros / 268336
    assert total["lab2_e_printed_share"] == 0.8000007453342078  # sparse_homework, line 294


def test_bits_are_read_from_the_arm_that_has_them() -> None:
    lines = {
        line[0]: line for line in texts(tables.build("table_lab3_quantization", fake_labs.inputs()))
    }
    made = fake_labs.ARMS[LAB3]
    for bits in (6, 5, 4, 3, 2):
        arm = made[f"finetune_{min(bits, 4)}bit"]
        assert lines[str(bits)][1:3] == [str(2**bits), f"{arm.at_once[None, bits]:.2f}"]
    assert lines["6"][5:] == ["–"] * 5
    assert lines["2"][-1] == "85.91"


def test_zeros_kept_and_lost_stand_side_by_side() -> None:
    table = tables.build("table_lab3_joint", fake_labs.inputs())
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


def test_weights_that_a_user_gave_are_named() -> None:
    run = fake_labs.record(LAB2, "finetune", 0)
    taken = {"checkpoint": {"file": "theirs.pt", "sha256": "0" * 64}}
    names = {"experiment": "resnet20_pretraining", "arm": "float"}
    config = run.config.model_copy(update=names)
    more = run.model_copy(update={**names, "config": config, "measurements": taken})
    for record, word in ((more, "theirs.pt"), (more.model_copy(update={"measurements": {}}), "20")):
        notes = " ".join(tables.build("table_lab2_pruning", fake_labs.inputs(more=[record])).notes)
        assert word in notes.partition("The labs start")[2].partition(")")[0]
