"""Captions from a decoder alone: the likeliest word after another, or the likeliest of a beam.

B: images, L: locations, D: features at a location, T: words of the longest caption, end included.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from partial_backprop.captioning.beam import Beam
from partial_backprop.captioning.decoder import Decoder, State, View
from partial_backprop.captioning.vocabulary import END, PAD, START

_NEVER = -float("inf")


class Captions(NamedTuple):
    """A caption for each of B images."""

    words: Tensor
    """Numbers of its words, from the first to the end, padded; of shape (B, T)."""
    log_probability: Tensor
    """Natural logarithm of its probability, of shape (B,)."""
    attention: Tensor
    """Where the decoder looked before each word, 0 after the end; of shape (B, T, L)."""


@torch.no_grad()
def beam_search(decoder: Decoder, features: Tensor, max_words: int, width: int) -> Captions:
    """Search for the likeliest caption among the most promising beginnings."""
    # Shapes: features (B, L, D)
    # Captions compete by their probabilities, whatever their lengths, so that long ones are at a
    # disadvantage: the source does not say otherwise. Padding and start are never chosen; the word
    # for unknown ones may be.
    # Source: pb2020, section 4.2: "we use a beam size of 3"
    n_images, n_locations, _ = features.shape
    beam = Beam(features, width, max_words)
    view = View(*(one.repeat_interleave(width, dim=0) for one in decoder.view(features)))
    state = State(*(one.repeat_interleave(width, dim=0) for one in decoder.start(features)))
    first_place = torch.arange(n_images, device=features.device).unsqueeze(1) * width
    last = torch.full((n_images * width,), START, device=features.device)
    for n_done in range(max_words + 1):
        state, looked = decoder.step(view, state, decoder.embedding(last))
        log_p = _log_probabilities(decoder.output(state.hidden), must_end=n_done == max_words)
        origin = beam.grow(
            log_p.view(n_images, width, -1), looked.view(n_images, width, n_locations)
        )
        if beam.is_done():
            break
        kept = (first_place + origin).flatten()
        state = State(*(one[kept] for one in state))
        last = beam.words[:, :, -1].flatten()
    length = beam.words.shape[2]
    return Captions(beam.best_words[:, :length], beam.best_score, beam.best_attention[:, :length])


def _log_probabilities(logits: Tensor, must_end: bool) -> Tensor:
    """Log-probabilities of the words that may follow, each given that padding and start may not."""
    logits = logits.index_fill(1, torch.tensor([PAD, START], device=logits.device), _NEVER)
    found = logits.log_softmax(dim=1)
    if must_end:
        end = torch.arange(found.shape[1], device=found.device) == END
        found = found.masked_fill(~end, _NEVER)
    return found
