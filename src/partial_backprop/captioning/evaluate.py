"""What a decoder says of a split, with the true words before each, and by itself."""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from partial_backprop.captioning.batches import CaptionSplit
from partial_backprop.captioning.decode import beam_search
from partial_backprop.captioning.decoder import Decoder
from partial_backprop.captioning.vocabulary import PAD, Vocabulary

Words = tuple[str, ...]
"""One caption, word by word."""


class TeacherForced(NamedTuple):
    """What a decoder says to each true caption of a split."""

    loss: float
    """Mean cross-entropy per word, ends included, in nats."""
    n_correct: int
    """Words, ends included, that were the likeliest in their place."""
    n_examples: int
    """Words, ends included."""
    captions: tuple[Words, ...]
    """The likeliest word in each place of each caption, in the order of the split; as many as the
    true caption has. Where that is a mark, it stands there as one, and matches no word."""
    marked: tuple[Words, ...]
    """The same with the likeliest in the place of the end, as the public reference has it."""


class Decoded(NamedTuple):
    """What a decoder says to each image of a split by itself."""

    captions: tuple[Words, ...]
    """A caption for each image."""
    attention: tuple[np.ndarray, ...]
    """For each image where the decoder looked before each word: of shape (words, locations)."""


@torch.no_grad()
def teacher_forced(
    decoder: Decoder, split: CaptionSplit, vocabulary: Vocabulary, batch_size: int = 120
) -> TeacherForced:
    """Let a decoder predict each word of all captions, given the true words before it."""
    was_training = decoder.training
    decoder.eval()
    loss, n_correct, n_examples = 0.0, 0, 0
    captions: list[Words] = [()] * len(split)
    marked: list[Words] = [()] * len(split)
    for batch in split.in_order(batch_size):
        found = decoder(batch.features, batch.words, batch.lengths)
        predicted = found.logits.argmax(dim=1)
        loss += float(F.cross_entropy(found.logits, found.targets, reduction="sum").double())
        n_correct += int((predicted == found.targets).sum())
        n_examples += len(predicted)
        table = torch.full_like(batch.words, PAD).index_put_((found.rows, found.times), predicted)
        for caption, length, row in zip(
            batch.captions.tolist(), batch.lengths.tolist(), table.tolist(), strict=True
        ):
            # Start and end are in the length, and neither is a word.
            marked[caption] = tuple(vocabulary.words[number] for number in row[: length - 1])
            captions[caption] = marked[caption][:-1]
    decoder.train(was_training)
    return TeacherForced(loss / n_examples, n_correct, n_examples, tuple(captions), tuple(marked))


def decoded(
    decoder: Decoder,
    split: CaptionSplit,
    vocabulary: Vocabulary,
    *,
    max_words: int,
    width: int,
    batch_size: int = 50,
) -> Decoded:
    """Let a decoder caption all images of a split."""
    was_training = decoder.training
    decoder.eval()
    captions: list[Words] = []
    attention: list[np.ndarray] = []
    for first in range(0, len(split.references), batch_size):
        features = split.looked_at(slice(first, first + batch_size))
        found = beam_search(decoder, features, max_words, width)
        maps = found.attention.cpu().numpy()
        for numbers, looked in zip(found.words.tolist(), maps, strict=True):
            captions.append(vocabulary.decode(numbers))
            attention.append(looked[: len(captions[-1])].copy())
    decoder.train(was_training)
    return Decoded(tuple(captions), tuple(attention))
