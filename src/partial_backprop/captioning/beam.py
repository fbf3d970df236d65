"""The bookkeeping of a beam search for many images at once.

B: images, K: width of the beam, V: words known, L: locations, t: words so far.
"""

import torch
from torch import Tensor

from partial_backprop.captioning.vocabulary import END, PAD

_NEVER = -float("inf")


class Beam:
    """K beginnings of captions for each of B images, and the likeliest caption that has ended."""

    # Shapes: features (B, L, D)
    # A beginning that says its end is put aside, and its place is gone: a search ends with K
    # captions at most. A place that is gone has the score −∞.

    def __init__(self, features: Tensor, width: int, max_words: int) -> None:
        n_images, n_locations, _ = features.shape
        length = max_words + 1
        self.width = width
        self.words = features.new_empty(n_images, width, 0, dtype=torch.int64)
        """Beginnings, of shape (B, K, t)."""
        self.attention = features.new_empty(n_images, width, 0, n_locations)
        """Where the decoder looked before each of their words, of shape (B, K, t, L)."""
        self.scores = features.new_full((n_images, width), _NEVER)
        """Logarithms of their probabilities, of shape (B, K)."""
        self.scores[:, 0] = 0.0  # at first there is one beginning, the empty one
        self.n_places = features.new_full((n_images, 1), width, dtype=torch.int64)
        """Beginnings that may still be followed, of shape (B, 1)."""
        self.best_score = features.new_full((n_images,), _NEVER)
        """Logarithm of the probability of the likeliest caption that has ended, of shape (B,)."""
        self.best_words = features.new_full((n_images, length), PAD, dtype=torch.int64)
        """Its words, end included, padded; of shape (B, max_words + 1)."""
        self.best_attention = features.new_zeros(n_images, length, n_locations)
        """Where the decoder looked before each of these; of shape (B, max_words + 1, L)."""

    def grow(self, log_probabilities: Tensor, attention: Tensor) -> Tensor:
        """Go on by one word with the likeliest beginnings of each image."""
        # Shapes: log_probabilities (B, K, V), attention (B, K, L), result (B, K)
        n_words = log_probabilities.shape[2]
        candidates = (self.scores.unsqueeze(2) + log_probabilities).flatten(1)  # (B, K · V)
        scores, chosen = candidates.topk(self.width, dim=1)
        rank = torch.arange(self.width, device=scores.device)
        scores = scores.masked_fill(rank >= self.n_places, _NEVER)
        origin = torch.div(chosen, n_words, rounding_mode="floor")
        word = chosen % n_words
        image = torch.arange(len(origin), device=origin.device).unsqueeze(1)
        looked = torch.cat([self.attention, attention.unsqueeze(2)], dim=2)
        self.attention = looked[image, origin]
        self.words = torch.cat([self.words[image, origin], word.unsqueeze(2)], dim=2)
        ends = (word == END) & (scores > _NEVER)
        self._put_aside(scores.masked_fill(~ends, _NEVER))
        self.n_places = self.n_places - ends.sum(dim=1, keepdim=True)
        self.scores = scores.masked_fill(ends, _NEVER)
        return origin

    def _put_aside(self, ended: Tensor) -> None:
        score, place = ended.max(dim=1)
        better = (score > self.best_score).nonzero().squeeze(1)
        length = self.words.shape[2]
        self.best_score[better] = score[better]
        self.best_words[better, :length] = self.words[better, place[better]]
        self.best_attention[better, :length] = self.attention[better, place[better]]

    def is_done(self) -> bool:
        """Tell whether no beginning can become a likelier caption than those that have ended."""
        return bool((self.scores.amax(dim=1) <= self.best_score).all())
