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
    """A split's features and captions.

    Parameters
    ----------
    features : ndarray of float16, of shape (N, L, D)
        Features of the images; may be mapped from a file, since they are copied batch by batch.
    references : tuple of tuple of tuple of str
        For each image its captions, word by word.
    words : Tensor of shape (M, max_words + 2)
        The captions in numbers, those of the first image first.
    lengths : Tensor of shape (M,)
        How many of these are no padding.
    images : Tensor of shape (M,)
        Image of each caption.
    device : torch.device
        Where batches go.
    """

    features: np.ndarray
    references: tuple[tuple[tuple[str, ...], ...], ...]
    words: Tensor
    lengths: Tensor
    images: Tensor
    device: torch.device

    @classmethod
    def of(
        cls,
        features: np.ndarray,
        captions: Sequence[Sequence[str]],
        vocabulary: Vocabulary,
        max_words: int,
        device: torch.device,
    ) -> "CaptionSplit":
        """Turn captions into numbers.

        Parameters
        ----------
        features : ndarray of float16, of shape (N, L, D)
            Features of the images.
        captions : sequence of sequence of str
            For each image its captions, as text.
        vocabulary : Vocabulary
            The words that are told apart.
        max_words : int
            Words after which a caption is cut off in training; never as a reference.
        device : torch.device
            Where batches go.

        Returns
        -------
        CaptionSplit
            The split.
        """
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
        """Return features of images.

        Parameters
        ----------
        images : sequence of int, or slice
            Which images, B of them.

        Returns
        -------
        Tensor of shape (B, L, D)
            Their features as float32.
        """
        return torch.from_numpy(np.array(self.features[images])).to(self.device).float()

    def batch(self, captions: Tensor) -> Batch:
        """Return some captions.

        Parameters
        ----------
        captions : Tensor of shape (B,)
            Which, in any order.

        Returns
        -------
        Batch
            The captions, from long to short, those of one length in the order given.
        """
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
        """Seed torch for an epoch and iterate over its shuffled batches, the last maybe smaller.

        Parameters
        ----------
        batch_size : int
            Captions a batch.
        seed : int
            Seed of the run.
        epoch : int
            Epoch from 0; order and dropout depend on the seed and this alone.

        Yields
        ------
        Batch
            Captions with the features of their images.
        """
        torch.manual_seed(derive(seed, "epoch", epoch))
        for captions in shuffled(len(self), seed, epoch).split(batch_size):
            yield self.batch(captions)

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Iterate over all captions, those of similar length together.

        Parameters
        ----------
        batch_size : int
            Captions a batch.

        Yields
        ------
        Batch
            Captions with the features of their images.
        """
        for captions in self.lengths.argsort(descending=True, stable=True).split(batch_size):
            yield self.batch(captions)
