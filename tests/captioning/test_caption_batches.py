"""Batches of captions: whose features, in which order, each caption once."""

import numpy as np
import pytest
import torch

from partial_backprop.captioning.batches import CaptionSplit
from partial_backprop.captioning.vocabulary import MARKS, UNKNOWN, Vocabulary

CAPTIONS = (("A dog", "dog runs fast"), ("Dog!",), ("a a a a", "runs", "a dog runs"))
VOCABULARY = Vocabulary((*MARKS, "a", "dog", "runs"))
IMAGE_OF = (0, 0, 1, 2, 2, 2)


@pytest.fixture
def split():
    """Three images of two locations, whose features are their numbers."""
    features = np.arange(3, dtype=np.float16)[:, None, None] * np.ones((2, 4), dtype=np.float16)
    return CaptionSplit.of(features, CAPTIONS, VOCABULARY, 3, torch.device("cpu"))


def test_words_of_references_are_whole_and_known_or_not(split):
    assert split.references[0] == (("a", "dog"), ("dog", "runs", "fast"))
    assert split.references[2][0] == ("a", "a", "a", "a")
    assert split.lengths.tolist() == [4, 5, 3, 5, 3, 5]  # the fourth is cut off after three words
    assert split.words[1].tolist()[3] == UNKNOWN


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_an_epoch_has_every_caption_once_with_its_image(split, epoch):
    seen = []
    for batch in split.epoch(4, seed=3, epoch=epoch):
        assert (batch.lengths.diff() <= 0).all()
        assert batch.words.shape == (len(batch.lengths), int(batch.lengths[0]))
        assert batch.features.dtype == torch.float32
        for row, caption in enumerate(batch.captions.tolist()):
            length = int(batch.lengths[row])
            assert torch.equal(batch.words[row, :length], split.words[caption, :length])
            assert not batch.words[row, length:].any()
            assert torch.equal(batch.features[row], torch.full((2, 4), float(IMAGE_OF[caption])))
            seen.append(caption)
    assert sorted(seen) == list(range(6))


def test_the_order_depends_on_seed_and_epoch_alone(split):
    def order(seed, epoch):
        torch.rand(seed + epoch + 1)
        return [c for batch in split.epoch(2, seed, epoch) for c in batch.captions.tolist()]

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, epoch)) for seed in range(4) for epoch in range(4)}) > 8


def test_in_order_has_every_caption_once_from_long_to_short(split):
    batches = list(split.in_order(4))
    lengths = torch.cat([batch.lengths for batch in batches])
    assert (lengths.diff() <= 0).all()
    assert sorted(torch.cat([batch.captions for batch in batches]).tolist()) == list(range(6))
