"""Histories become CSV, and the reported epoch is chosen by a named rule."""

import io

import pandas as pd
import torch

from partial_backprop.training import history


def row(epoch, validation, test):
    counts = {"train": 0, "validation": validation, "test": test}
    result = {"epoch": epoch, "learning_rate": 0.1}
    for split, n_correct in counts.items():
        result |= {
            f"{split}_loss": 1 / 3,
            f"{split}_n_correct": n_correct,
            f"{split}_n_examples": 10,
        }
    return result


ROWS = [row(0, 5, 1), row(1, 7, 2), row(2, 7, 9), row(3, 6, 3)]


def test_each_rule_chooses_its_epoch_and_the_earliest_among_equals():
    chosen = {selection.rule: selection for selection in history.selections(ROWS)}
    assert {rule: selection.epoch for rule, selection in chosen.items()} == {
        "last": 3,
        "best_on_validation": 1,
        "best_on_test": 2,
    }
    assert chosen["best_on_validation"].test.n_correct == 2  # chosen without looking at the test


def test_a_selection_has_the_bits_of_its_own_epoch():
    bits = [history.packed(torch.arange(10) < row["test_n_correct"]) for row in ROWS]
    for selection in history.selections(ROWS, bits):
        assert selection.test_correct.packed() == bits[selection.epoch].numpy().tobytes()
    # A part of the rows still finds its epochs' bits.
    (last, *_) = history.selections(ROWS[2:], bits)
    assert last.test_correct.packed() == bits[3].numpy().tobytes()


def test_csv_keeps_full_precision():
    frame = pd.read_csv(io.BytesIO(history.to_csv(ROWS)))
    assert frame.to_dict("records") == ROWS
