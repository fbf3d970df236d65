"""The results frame, from the published records and from records made by hand."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from partial_backprop import inputs
from partial_backprop.frames import aggregate
from partial_backprop.record import CorrectImages
from partial_backprop.report import frame
from partial_backprop.report.rows import COLUMNS

RUNS = Path(__file__).parents[2] / "results" / "published" / "runs"


@pytest.fixture(scope="module")
def runs():
    return inputs.read_runs(RUNS.rglob("record.json"))


@pytest.fixture(scope="module")
def found(runs):
    return frame.results(runs)


def test_every_run_is_in_the_frame(runs, found):
    keys = found.frame[["experiment", "arm", "seed"]].drop_duplicates()
    assert {run.key for run in runs} - {tuple(key) for key in keys.to_numpy()} == set()
    assert tuple(found.frame.columns) == COLUMNS
    assert found.frame["value"].notna().all()


@pytest.mark.parametrize("rule", ["last", "best_on_test"])
def test_accuracies_are_those_of_the_runs(runs, found, rule):
    wide = aggregate.runs_frame(runs)
    where = {"experiment": "lenet5_mnist", "arm": "pb", "stage": rule}
    chosen = frame.select(found.frame, "test_accuracy_percent", **where)
    expected = aggregate.by_seed(wide, "lenet5_mnist", "pb", "test_accuracy_percent", rule)
    assert chosen.to_dict() == expected.to_dict()


def test_a_choice_that_leaves_several_numbers_is_refused(found):
    with pytest.raises(ValueError, match="one number"):
        frame.select(found.frame, "zeros_percent", experiment="lab2_pruning", arm="finetune")


def test_the_loss_of_an_epoch_is_that_of_its_history(runs, found):
    (run,) = [run for run in runs if run.key == ("lab2_pruning", "iterative", 0)]
    epoch = run.record.selection("last").epoch
    expected = run.history().set_index("epoch")["test_loss"][epoch]
    where = {"experiment": "lab2_pruning", "arm": "iterative", "stage": "last"}
    assert frame.select(found.frame, "test_loss", **where).tolist() == [expected]


def test_images_are_unpacked_where_a_record_tells_them(runs):
    run = next(run for run in runs if run.key == ("lenet5_mnist", "pb", 0))
    assert frame.results([run]).bits == {}
    right = np.array([1, 0, 1, 1, 0, 0, 0, 0, 1], bool)
    told = CorrectImages.of(np.packbits(right).tobytes(), len(right))
    chosen = [one.model_copy(update={"test_correct": told}) for one in run.record.selections]
    record = run.record.model_copy(update={"selections": tuple(chosen)})
    bits = frame.results([dataclasses.replace(run, record=record)]).bits
    stages = ("last", "best_on_validation", "best_on_test")
    assert set(bits) == {("lenet5_mnist", "pb", 0, stage) for stage in stages}
    assert all(np.array_equal(of_run, right) for of_run in bits.values())


def test_captioners_of_another_experiment_are_gathered_too(runs, found):
    (run,) = [run for run in runs if run.key == ("captioning", "pb", 0)]
    record = run.record.model_copy(update={"experiment": "captioning_15"})
    own = frame.results([dataclasses.replace(run, record=record)]).frame
    where = {"arm": "pb", "decoding": "beam", "references": "five"}
    score = frame.select(own, "bleu_4", experiment="captioning_15", **where)
    assert (
        score.tolist()
        == frame.select(found.frame, "bleu_4", experiment="captioning", **where).tolist()
    )


def test_movement_and_overlap_of_masks_are_gathered(runs):
    run = next(run for run in runs if run.key == ("lenet5_mnist", "pb", 0))
    moved = {"batch": 0, "bins": [], "rank_correlation": 0.25, "n_ranked": 10}
    mask = {"batch_size": 100, "start": 0, "threshold": 0.1, "n_frozen": 60}
    mask |= {"n_zero_gradients": 0, "n_zero_under_first": 0, "n_frozen_in_first": 60}
    other = mask | {"start": 100, "n_frozen_in_first": 40}
    measurements = {
        "movement": {"epoch": 2, "batch_size": 100, "batches": [moved], "sha256": ""},
        "mask_stability": {
            "epoch": 2, "n_weights": 100, "own": mask, "pairs": [],
            "others": [other, other | {"batch_size": 500, "n_frozen_in_first": 0}],
        },
    }  # fmt: skip
    record = run.record.model_copy(update={"measurements": measurements})
    own = frame.results([dataclasses.replace(run, record=record)]).frame
    assert frame.select(own, "movement_rank_correlation").tolist() == [0.25]
    assert frame.select(own, "mask_overlap_percent").tolist() == [50]


def test_no_runs_make_an_empty_frame():
    assert frame.results([]).frame.empty
