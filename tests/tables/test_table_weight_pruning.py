"""The table of weight pruning against the records that it is made from."""

import pytest
from tests import fake_sizes
from tests.tables.shown import texts

from partial_backprop.report import tables


def lines(**what: object) -> dict[str, list[str]]:
    return {
        line[0]: line[1:]
        for line in texts(tables.build("table_weight_pruning", fake_sizes.inputs(**what)))
    }


def test_sizes_stand_beside_the_printed_ones() -> None:
    found = lines()
    assert found["unpruned: weights"] == ["4.00", "3.60", "3.50", "1.00", "4.11", "3.79"]
    state = found["pruned: weights, masks, optimizer"]
    assert state == ["15.8", "8.00", "8.20", "3.95", "16.28", "3.27"]
    assert found["the same, its state zero where pruned"][-2:] == ["16.28", "3.27"]
    assert found["pruned: sparse format"] == ["0.800", "0.750", "0.700", "0.20", "–", "–"]


def test_networks_stand_beside_the_printed_ones() -> None:
    found = lines()
    assert found["unpruned"] == ["0.750", "80.00", "–", "–", "0.929", "68.74"]
    assert found["pruned by magnitude"] == ["0.500", "82.00", "82.50", "83.00", "0.912", "70.15"]
    assert found["fine-tuned, nothing pruned"][-2:] == ["–", "–"]
    assert found["fine-tuned, nothing pruned"][1] == "85.00"


def test_counts_and_bytes_are_in_the_frame() -> None:
    frame = tables.build("table_weight_pruning", fake_sizes.inputs(seeds=(0, 1))).frame
    file = frame[frame["name"].eq("weights")].iloc[0]
    assert file["n_bytes"] == f"{4 * 2**20} {4 * 2**20}"
    assert file["mib_zip_mean"] == pytest.approx(0.9, abs=1e-6)
    pruned = frame[frame["what"].eq("network") & frame["name"].eq("pruned")].iloc[0]
    assert pruned["last_test_n_correct"] == "820 830"
    assert pruned["last_accuracy_percent_mean"] == pytest.approx(82.5)
    assert pruned["printed_accuracy_percent"] == pytest.approx(70.15, abs=1e-6)
