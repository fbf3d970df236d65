"""What ran, in words."""

import dataclasses
from pathlib import Path

import pytest
from tests import fakes

from partial_backprop import facts, inputs
from partial_backprop.errors import UserError

NAME = "vgg19_cifar10"


def test_seeds_read_as_a_person_writes_them() -> None:
    assert facts.numbered("seed", [4]) == "seed 4"
    assert facts.numbered("seed", [1, 0]) == "seeds 0 and 1"
    assert facts.numbered("seed", [0, 1, 2]) == "seeds 0–2"
    assert facts.numbered("seed", [0, 2, 5]) == "seeds 0, 2 and 5"


def test_the_data_set_that_ran_is_named(tmp_path: Path) -> None:
    folder = fakes.write_config(tmp_path)
    records, _ = fakes.write_campaign(tmp_path, folder, arms=["fb"])
    runs = inputs.read_runs(records)
    found = [facts.of_runs(name, name, runs) for name in fakes.EXPERIMENTS]
    text = " ".join(facts.sentences(found))
    assert "on scenes (2,000 training, 400 validation, 1,000 test images)" in text
    assert "12 epochs, seeds 0–2" in text
    assert "reduced, 16,042 parameters" in text
    assert "full size" in text
    # The role that a stand-in plays is no name for it.
    assert "CIFAR" not in text
    assert "MNIST" not in text
    assert len(facts.sentences(found)) == 2


def test_what_did_not_run_has_no_facts() -> None:
    assert facts.of_runs(NAME, "VGG19", ()) is None
    assert facts.sentences([None]) == []


def test_outdated_records_are_marked(tmp_path: Path) -> None:
    folder = fakes.write_config(tmp_path)
    records, _ = fakes.write_campaign(tmp_path, folder, experiments=[NAME], arms=["fb"])
    runs = [dataclasses.replace(run, current=False) for run in inputs.read_runs(records)]
    (text,) = facts.sentences([facts.of_runs(NAME, "VGG19", runs)])
    assert "recorded with an earlier configuration" in text


def test_unlike_runs_are_not_put_in_one_row(tmp_path: Path) -> None:
    folder = fakes.write_config(tmp_path)
    records, _ = fakes.write_campaign(tmp_path, folder, experiments=[NAME], arms=["fb"])
    first, second, *_ = inputs.read_runs(records)
    other = second.record.data.model_copy(update={"n_train": 7})
    changed = dataclasses.replace(second, record=second.record.model_copy(update={"data": other}))
    with pytest.raises(UserError, match="differ in data"):
        facts.of_runs(NAME, "VGG19", [first, changed])
