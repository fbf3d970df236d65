"""Synthetic records of runs that caption images, made through the real models.

For tests only: no number here was measured. Precisions are round, so that a test can read off what a
cell or a sentence must say.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from tests import made as made_up

from partial_backprop.freezing_report import FreezingReport, LayerFreezing
from partial_backprop.inputs import Inputs
from partial_backprop.measurements import caption_examples, captions
from partial_backprop.measurements.caption_examples import Example
from partial_backprop.measurements.captions import (
    Bleu,
    BleuCounts,
    CaptionReport,
    Epoch,
    SplitReport,
)
from partial_backprop.record import NetworkFacts, Record

N_TEST, N_VALIDATION, N_WORDS = 100, 50, 10_000
LEARNING_RATE = 5e-4

SCORES = {"fb": 0.4, "pb": 0.5, "pb_gradient": 0.45, "pb_random": 0.3}
"""Arm -> BLEU of every order of the beam on the test images, with five references, at seed 0."""

STEPS = {"beam": 0.0, "greedy": -0.05, "teacher": 0.1, "teacher_marks": 0.15}
"""Way of decoding -> what it adds to the score."""

MASKED = {"fb": 0, "pb": 600, "pb_gradient": 600, "pb_random": 600}
"""Arm -> weights that the mask freezes, of 1000."""

CAPTIONS = (
    ("a", "bar"),
    ("two", "red", "squares"),
    ("a", "blue", "circle", "above", "a", "bar"),
    ("three", "small", "green", "triangles", "to", "the", "left", "of", "a", "large", "ring"),
)


def counts(score: float) -> BleuCounts:
    """Make up counts whose precisions are all alike."""
    return BleuCounts(
        matches=(round(score * N_WORDS),) * 4,
        totals=(N_WORDS,) * 4,
        hypothesis_length=N_WORDS,
        reference_length=N_WORDS,
    )


def split(score: float, n_images: int) -> SplitReport:
    """Make up a split."""
    made = {
        decoding: Bleu(
            one=counts((score + more) / 2),
            five=counts(score + more),
            n_captions=n_images * (5 if decoding.startswith("teacher") else 1),
            n_distinct=n_images // 2,
        )
        for decoding, more in STEPS.items()
    }
    return SplitReport(n_images=n_images, loss=1.25, **made)


def report(
    arm: str, seed: int, scores: Mapping[str, float] = SCORES, encoder: str = "scene_cnn"
) -> CaptionReport:
    """Make up what an arm measures."""
    score = scores[arm] + seed / 100
    return CaptionReport(
        encoder=encoder,
        features="caption_features/encoder",
        n_features=96,
        grid=(4, 4),
        n_words=40,
        n_train_captions=5000,
        beam=3,
        epochs=tuple(
            Epoch(learning_rate=LEARNING_RATE, bleu=counts(score * share))
            for share in (0.5, 0.8, 0.9, 1.0, 0.9)[: 4 + (seed > 0)]
        ),
        best_epoch=3,
        validation=split(score, N_VALIDATION),
        test=split(score, N_TEST),
        shuffled=counts(0.1),
    )


def freezing(arm: str) -> FreezingReport:
    """Make up what was frozen: 1000 weights, 200 natural zeros, of which 150 in the embedding."""
    masked = MASKED[arm]
    shares = {"embedding.weight": (400, 150), "lstm.weight_hh": (600, 50)}
    return FreezingReport(
        threshold=0.05 * LEARNING_RATE if arm in ("pb", "pb_gradient") else None,
        masked_at_epochs=(2,) if masked else (),
        layers=tuple(
            LayerFreezing(
                name=name,
                n_weights=n,
                n_mask_zeros=masked * n // 1000,
                n_natural_zeros=zeros,
                n_unmoved=(masked if arm != "pb_gradient" else 100) * n // 1000,
                drift_sum_abs=1.0 if arm == "pb_gradient" else 0.0,
                drift_max_abs=0.1 if arm == "pb_gradient" else 0.0,
            )
            for name, (n, zeros) in shares.items()
        ),
    )


def record(arm: str, seed: int, made: CaptionReport, data: str = "captioned_scenes") -> Record:
    """Make up a run."""
    sizes = {"n_train": 1000, "n_validation": N_VALIDATION, "n_test": N_TEST, "n_classes": None}
    config = made_up.config(
        captions.EXPERIMENT,
        arm,
        seed,
        {"name": "caption", "hidden": 64, "beam": 3},
        {"name": "adam", "learning_rate": LEARNING_RATE},
        epochs=8,
        shared_epochs=2,
        batch_size=60,
    )
    return made_up.record(
        config,
        data=made_up.data("flickr8k", name=data, **sizes),
        network=NetworkFacts(name="decoder", n_parameters=123456, full_size=False),
        freezing=freezing(arm),
        measurements={captions.KEY: made.model_dump(mode="json")},
    )


def examples(captioned: Iterable[tuple[str, ...]] = CAPTIONS) -> tuple[Example, ...]:
    """Make up pictures whose attention walks over the image."""
    made = []
    for index, words in enumerate(captioned):
        attention = np.full((len(words), 16), 0.25 / 15, dtype=np.float32)
        attention[np.arange(len(words)), np.arange(len(words)) % 16] = 0.75
        image = np.random.default_rng(index).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        made.append(Example(index, image, words, attention.reshape(-1, 4, 4)))
    return tuple(made)


def inputs(
    arms: Iterable[str] = tuple(SCORES),
    seeds: Iterable[int] = (0,),
    *,
    root: Path = made_up.NOWHERE,
    data: str = "captioned_scenes",
    **made: object,
) -> Inputs:
    """Make up what tables, figures and sentences read; runs seem to lie in the folder `root`."""
    records = [record(arm, seed, report(arm, seed, **made), data) for arm in arms for seed in seeds]
    return made_up.inputs(records, root)


def write_examples(made: Inputs, captioned: Iterable[tuple[str, ...]] = CAPTIONS) -> Inputs:
    """Write the pictures of all runs."""
    for run in made.runs:
        caption_examples.save(examples(captioned), run.path.with_name(caption_examples.NAME))
    return made
