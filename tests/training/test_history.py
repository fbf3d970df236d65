"""Histories become CSV, and the reported epoch is chosen by a named rule."""

import io

import pandas as pd

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
        "paper_protocol": 2,
    }
    assert chosen["best_on_validation"].test.n_correct == 2  # chosen without looking at the test


def test_csv_keeps_full_precision():
    frame = pd.read_csv(io.BytesIO(history.to_csv(ROWS)))
    assert frame.to_dict("records") == ROWS
