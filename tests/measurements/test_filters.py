"""Reports of pruned filters: read back, timed, and printed as the source's log."""

import re

import pytest
from tests import fake_filters
from tests import made as made_up

from partial_backprop import reported
from partial_backprop.errors import UserError
from partial_backprop.experiments.filter_pruning.filter_log import log_text
from partial_backprop.measurements import filters


def test_a_report_is_read_back():
    record = fake_filters.record("group_filters")
    assert filters.of(record) == fake_filters.report(fake_filters.MADE["group_filters"])


def test_a_record_without_a_report_is_told():
    record = fake_filters.record("plain").model_copy(update={"measurements": {}})
    with pytest.raises(UserError, match=r"filter_pruning/plain/seed0.*nothing"):
        filters.of(record)
    damaged = record.model_copy(update={"measurements": {filters.KEY: {"threshold": 1e-5}}})
    with pytest.raises(UserError, match=r"damaged \(tensors"):
        filters.of(damaged)


def test_times_are_read_from_beside_the_record(tmp_path):
    path = tmp_path / "record.json"
    assert filters.timing(path) is None
    (tmp_path / filters.TIMING).write_text("whole_s,small_s\n2e-3,1e-3\n4e-3,1e-3\n3e-3,1e-3\n")
    assert filters.timing(path)["whole_s"].tolist() == [2e-3, 4e-3, 3e-3]
    (tmp_path / filters.TIMING).write_text("whole_s\nfast\n")
    with pytest.raises(UserError, match="damaged"):
        filters.timing(path)


def lines(arm: str, **changed: object) -> list[str]:
    recipe = fake_filters.recipe(arm) | changed
    return log_text(fake_filters.report(fake_filters.MADE[arm]), recipe).splitlines()


def test_the_log_counts_by_the_rule_of_the_run():
    found = lines("group_filters")
    assert (
        found[0] == "Result of training model with Filter pruning and group lasso regularization:"
    )
    assert "Layer: conv1_1.weight, 0.5 (54/108)" in found
    assert "Layer: conv1_1.weight, [27, 27, 0, 0]" in found
    assert "Layer: fc1.weight, None" in found
    assert "Test: Loss: 1.200, Acc: 58.000 (580/1000)" in found
    signed = lines("group_filters", signed=True, test_on_train=True)
    assert "Layer: conv1_1.weight, [27, 27, 13, 13]" in signed
    assert "Test: Loss: 1.200, Acc: 68.000 (1360/2000)" in signed
    assert signed[-1] == "Final test accuracy: 68.0000"


NUMBER = re.compile(r"\[[\d, ]+\]|(?<![\w.])[\d.]+")


def test_the_log_has_the_form_of_the_sources():
    """Lines of the source with a penalty, copied by hand with # for numbers and lists."""
    form = [NUMBER.sub("#", line) for line in lines("group_filters")]
    assert form == [
        "Result of training model with Filter pruning and group lasso regularization:",
        "Total sparse weights: # (#/#)",
        "",
        "Sparse weight by layer",
        *(f"Layer: {name}, # (#/#)" for name in fake_filters.TENSORS),
        "",
        "Sparse weight by filter",
        *(f"Layer: conv{number}_1.weight, #" for number in (1, 2, 3)),
        "Layer: fc1.weight, None",
        "Layer: fc1.bias, None",
        "Layer: fc2.weight, None",
        "Layer: fc2.bias, None",
        "Test: Loss: #, Acc: # (#/#)",
        "Final test accuracy: #",
    ]
    plain = lines("plain")
    assert plain[0] == "Result of training model without applying Filter pruning:"
    assert plain[-2:] == ["Best Training Accuracy: 71.000%", "Best Test Accuracy: 61.000%"]


def test_printed_lists_add_up_to_printed_counts():
    found = reported.read(made_up.CONFIG)
    for block in (1, 2):
        total = found.entry("002", f"filters.{block}.total").values
        layers = [
            found.entry("002", f"filters.{block}.{name}").values for name in fake_filters.TENSORS
        ]
        assert sum(layer["n_sparse"] for layer in layers) == total["n_sparse"]
        assert sum(layer["n_weights"] for layer in layers) == total["n_weights"]
        for layer in layers:
            assert layer["n_sparse"] / layer["n_weights"] == layer["sparse_share"]
        for number, n_filters in ((1, 64), (2, 128), (3, 256)):
            name = f"conv{number}_1.weight"
            counts = found.entry("002", f"filters.{block}.by_filter.{name}").values
            assert len(counts) == n_filters
            expected = found.entry("002", f"filters.{block}.{name}").values["n_sparse"]
            assert sum(counts.values()) == expected
