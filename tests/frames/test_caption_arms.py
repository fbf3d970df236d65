"""Frames of captioning runs against the records that they are made from."""

import dataclasses
import math

import pytest
from tests import fake_captions

from partial_backprop.errors import UserError
from partial_backprop.experiments.captioning import caption_arms
from partial_backprop.experiments.captioning.caption_arms import (
    about,
    frame,
    frozen,
    lines,
    pick,
    share,
)


def test_scores_are_those_of_the_counts():
    found = frame(fake_captions.inputs(seeds=(0, 2)).runs)
    assert pick(found, "pb").to_dict() == pytest.approx({0: 0.5, 2: 0.52})
    assert pick(found, "pb", "bleu_1", decoding="greedy")[0] == pytest.approx(0.45)
    assert pick(found, "pb", "bleu_2", decoding="teacher", references="one")[0] == pytest.approx(
        0.3
    )
    assert pick(found, "pb", references="shuffled")[0] == pytest.approx(0.1)
    # Two splits, four decodings, two kinds of references, and the control.
    assert len(found) == 4 * 2 * (2 * 4 * 2 + 1)
    row = found[found["decoding"].eq("teacher") & found["split"].eq("test")].iloc[0]
    assert (row["matches_4"], row["totals_4"], row["n_captions"]) == (5000, 10_000, 500)


def test_the_experiment_with_the_epochs_of_the_source_is_shown_once_fb_and_pb_ran():
    runs = fake_captions.inputs(arms=("fb", "pb", "pb_random")).runs
    longer = [
        dataclasses.replace(
            run, record=run.record.model_copy(update={"experiment": "captioning_15"})
        )
        for run in runs
    ]

    def shown(*found):
        return {run.record.experiment for run, _ in caption_arms.reports(found)}

    assert shown(*runs, *longer) == {"captioning_15"}
    assert shown(*runs, *(run for run in longer if run.record.arm != "pb")) == {"captioning"}


def test_natural_zeros_are_told_apart():
    found = frozen(fake_captions.inputs().runs)
    # 600 of 1000 are masked by a threshold, 200 of which are zero anyway, 150 in the embedding.
    for column, percent in {
        "mask_zeros_percent": 60,
        "natural_zeros_percent": 20,
        "masked_not_natural_percent": 40,
        "embedding_percent": 75,
        "threshold_paper": 0.05,
        "unmoved_percent": 60,
    }.items():
        assert share(found, "pb", column)[0] == pytest.approx(percent), column
    assert share(found, "fb", "natural_zeros_percent")[0] == 20
    # A random mask leaves zeros out, and FB freezes nothing: there is no such share.
    assert share(found, "fb", "masked_not_natural_percent").empty
    assert share(found, "pb_random", "masked_not_natural_percent").empty


def test_nothing_ran():
    runs = fake_captions.inputs(arms=()).runs
    assert frame(runs).empty
    assert pick(frame(runs), "fb").empty
    assert share(frozen(runs), "pb", "mask_zeros_percent").empty
    assert about(runs) is None
    assert lines(runs) == []


def test_what_ran_is_told_in_words():
    said = lines(fake_captions.inputs(arms=("fb",), encoder="efficientnet_lite0").runs)
    assert said[0].startswith("Decoder with attention (reduced, 123,456 parameters) on ")
    assert said[0].endswith("100 test images), seed 0.")
    assert "EfficientNet-Lite0, trained on ImageNet; 96 features at each of 4 × 4" in said[1]
    assert said[1].endswith("40 words; 5,000 training captions; 4 epochs.")
    assert "4 to 5 epochs" in lines(fake_captions.inputs(seeds=(0, 1)).runs)[1]
    assert "other_net; 96" in lines(fake_captions.inputs(encoder="other_net").runs)[1]


def test_decoders_behind_different_encoders_are_not_averaged():
    one = fake_captions.inputs(arms=("fb",), encoder="scene_cnn").runs
    other = fake_captions.inputs(arms=("pb",), encoder="resnet101").runs
    with pytest.raises(UserError, match="differ in encoder"):
        lines((*one, *other))


def test_every_arm_has_its_name_in_print():
    assert set(caption_arms.ARMS) == set(fake_captions.SCORES)
    assert not math.isnan(pick(frame(fake_captions.inputs().runs), "pb_gradient")[0])
