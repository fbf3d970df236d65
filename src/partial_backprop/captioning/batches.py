"""Captions of a split, batch by batch, with the features of their images.

B: captions of a batch, M: all captions, N: images, L: locations, D: features at a location, T: words
of the longest caption, start and end included.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from partial_backprop.captioning.vocabulary import Vocabulary, tokenize
from partial_backprop.training.seeding import derive, shuffled


class Batch(NamedTuple):
    """Some captions, from long to short."""

    features: Tensor
    """Of shape (B, L, D), float32."""
    words: Tensor
    """Of shape (B, T), padded."""
    lengths: Tensor
    """Of shape (B,), on the CPU."""
    captions: Tensor
    """Which captions of the split these are; of shape (B,), on the CPU."""


@dataclass(frozen=True, eq=False)
class CaptionSplit:
    """A split's features and captions."""

    # of shape (N, L, D); features of the images; may be mapped from a file, since they are copied
    # batch by batch
    features: np.ndarray
    references: tuple[tuple[tuple[str, ...], ...], ...]  # for each image its captions, word by word
    # of shape (M, max_words + 2); the captions in numbers, those of the first image first
    words: Tensor
    lengths: Tensor  # of shape (M,); how many of these are no padding
    images: Tensor  # of shape (M,); image of each caption
    device: torch.device  # where batches go

    @classmethod
    def of(
        cls,
        features: np.ndarray,
        captions: Sequence[Sequence[str]],
        vocabulary: Vocabulary,
        max_words: int,
        device: torch.device,
    ) -> "CaptionSplit":
        """Turn captions into numbers."""
        # Shapes: features (N, L, D)
        references = tuple(tuple(tokenize(caption) for caption in of) for of in captions)
        flat = [words for of in references for words in of]
        words, lengths = vocabulary.encode(flat, max_words)
        counts = torch.tensor([len(of) for of in references])
        return cls(
            features=features,
            references=references,
            words=torch.from_numpy(words),
            lengths=torch.from_numpy(lengths),
            images=torch.arange(len(references)).repeat_interleave(counts),
            device=device,
        )

    def __len__(self) -> int:
        return len(self.words)

    def looked_at(self, images: Sequence[int] | np.ndarray | slice) -> Tensor:
        """Return features of images."""
        # Shapes: result (B, L, D)
        return torch.from_numpy(np.array(self.features[images])).to(self.device).float()

    def batch(self, captions: Tensor) -> Batch:
        """Return some captions."""
        # Shapes: captions (B,)
        lengths = self.lengths[captions]
        order = lengths.argsort(descending=True, stable=True)
        captions, lengths = captions[order], lengths[order]
        return Batch(
            features=self.looked_at(self.images[captions].numpy()),
            words=self.words[captions, : int(lengths[0])].to(self.device),
            lengths=lengths,
            captions=captions,
        )

    def epoch(self, batch_size: int, seed: int, epoch: int) -> Iterator[Batch]:
        """Seed torch for an epoch and iterate over its shuffled batches, the last maybe smaller."""
        torch.manual_seed(derive(seed, "epoch", epoch))
        for captions in shuffled(len(self), seed, epoch).split(batch_size):
            yield self.batch(captions)

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Iterate over all captions, those of similar length together."""
        for captions in self.lengths.argsort(descending=True, stable=True).split(batch_size):
            yield self.batch(captions)
