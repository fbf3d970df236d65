"""The table of zeroed gradients against the records and the printed numbers."""

import math
import statistics

import pytest
from tests import fake_gradients
from tests.tables.shown import texts

from partial_backprop.report import tables


@pytest.fixture(scope="module")
def table():
    return tables.build("table_gradients", fake_gradients.inputs())


def test_a_line_for_each_layer_of_the_seeds_summary(table):
    lines = {line[0]: line for line in texts(table)[1:17]}
    assert len(lines) == 16
    assert lines["conv2d"] == ["conv2d", "0–1", "896", "–", "–", "896", "–", "–"]
    assert lines["batch_normalization_6"][1:4] == ["38–41", "512", "–"]
    n = 9 * 32 * 32
    zeroed = round(fake_gradients.ZEROED["conv2d_1"] * n)
    assert lines["conv2d_1"] == [
        "conv2d_1",
        "6–7",
        f"{n + 32:,}",
        f"{n:,}",
        f"{zeroed:,}",
        f"{n + 32 - zeroed:,}",
        f"{100 * zeroed / n:.2f}",
        "40.28",  # 3,712 of 9,216, the nearest to the share asked for
    ]


def test_the_total_is_the_sum_of_the_layers(table):
    frame = table.frame[table.frame["part"] == "layer"]
    layers, total = frame.iloc[:-1], frame.iloc[-1]
    for column in ("n_entries", "n_eligible", "threshold_n_zeroed", "threshold_n_kept"):
        assert total[column] == pytest.approx(layers[column].sum())
    assert total["n_entries"] == 552_874  # gradient_notes, line 52
    assert total["threshold_n_zeroed"] == pytest.approx(fake_gradients.N_ASKED, abs=5)


def test_printed_sums_stand_beside_the_right_ones(table):
    lines = {line[0]: line[1:] for line in texts(table) if len(line) == 3}
    assert lines["eligible: their entries"] == ["549,112", "549,120"]
    assert lines["kernel of conv2d_3, index 18"] == ["36,854", "36,864"]
    assert lines["kernel of conv2d_5, index 30"] == ["147,458", "147,456"]
    assert lines["kernels in the list of the sum"] == ["6", "7"]
    assert lines["kept, of the eligible"] == ["59.8 %", "59.73 %"]
    assert lines["kept, of all"] == ["60.0 %", "60.00 %"]
    assert ["zeroed, of the eligible", "40.2 %", "40.27 %"] in texts(table)


def test_accuracies_and_differences_are_those_of_the_records(table):
    frame = table.frame[table.frame["part"] == "arm"].set_index("name")
    for arm, accuracy in fake_gradients.ACCURACY.items():
        values = [accuracy + seed for seed in range(3)]
        row = frame.loc[arm]
        assert row["last_accuracy_percent_mean"] == pytest.approx(statistics.fmean(values))
        assert row["last_accuracy_percent_std"] == pytest.approx(statistics.stdev(values))
        assert row["last_test_n_correct"] == " ".join(str(round(10 * one)) for one in values)
        change = accuracy - fake_gradients.ACCURACY["full"] if arm != "full" else math.nan
        assert row["difference_points_mean"] == pytest.approx(change, nan_ok=True)
    (line,) = [line for line in texts(table) if line[0] == "as many at random"]
    assert line[1:4] == ["71.00 ± 1.00", "71.50 ± 1.00", "72.00 ± 1.00"]
    assert line[4].startswith("−10.00 [")
    assert frame.loc["threshold", "squares_zeroed_percent"] == pytest.approx(1.0)
