"""Which runs that caption images are shown."""

import dataclasses

from tests import fake_captions

from partial_backprop.experiments.captioning import caption_arms


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


def test_epochs_are_not_told_since_training_may_end_early():
    assert caption_arms.about(fake_captions.inputs(seeds=(0, 1)).runs).epochs is None
    assert caption_arms.about(()) is None
