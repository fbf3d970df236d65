"""The decoder: a long short-term memory that looks at the image before each word.

B: captions, L: locations, D: features at a location, H: hidden units, T: words of the longest
caption, start and end included, V: words known, N: predicted words of all captions together.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partial_backprop.captioning.attention import Attention


class View(NamedTuple):
    """What a decoder looks at: the image, and what of it is the same at every word."""

    features: Tensor
    """Of shape (B, L, D)."""
    keys: Tensor
    """Of shape (B, L, units of the attention)."""


class State(NamedTuple):
    """What a decoder remembers from word to word."""

    hidden: Tensor
    """Of shape (B, H): what attention, gate and words are made from."""
    cell: Tensor
    """Of shape (B, H)."""


class Predictions(NamedTuple):
    """What a decoder says when it is told the true words; word after word, N in all."""

    logits: Tensor
    """Of shape (N, V)."""
    targets: Tensor
    """True words, of shape (N,)."""
    rows: Tensor
    """Caption of each, of shape (N,)."""
    times: Tensor
    """Place in its caption, from 0, of shape (N,)."""
    looked: Tensor
    """Attention summed over the words of each caption, of shape (B, L)."""


class Decoder(nn.Module):
    """Soft attention, one layer of LSTM, and words."""

    # With a the features and E the embedding: h₀ and c₀ are linear in the mean feature; at each
    # word y, (h, c) ← LSTM([E y; β ⊙ Σ α a], (h, c)), with α from `Attention` and the gate β = σ(W
    # h + b), both from the state before; the next word's logits are linear in the new h
    # *Departures.* The source names soft attention and the sizes, and nothing else. What it leaves
    # open is as in the public reference that its settings come from, which simplifies Xu et al. in
    # three points: one gate for each feature and not one for all (section 4.2.1), initial states
    # without a hidden layer (section 3.1.2), and words predicted from h alone (equation 7).
    # Source: pb2020, section 4.2; Xu et al., "Show, attend and tell", ICML 2015, sections 3.1.2 and
    # 4.2

    def __init__(
        self,
        n_words: int,
        n_features: int,
        *,
        embedding: int = 512,
        hidden: int = 512,
        attention: int = 512,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_words, embedding)
        self.init_hidden = nn.Linear(n_features, hidden)
        self.init_cell = nn.Linear(n_features, hidden)
        self.attention = Attention(n_features, hidden, attention)
        self.gate = nn.Linear(hidden, n_features)
        self.lstm = nn.LSTMCell(embedding + n_features, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, n_words)
        for weight in (self.embedding.weight, self.output.weight):
            nn.init.uniform_(weight, -0.1, 0.1)
        nn.init.zeros_(self.output.bias)

    def view(self, features: Tensor) -> View:
        """Prepare images for being looked at."""
        # Shapes: features (B, L, D)
        return View(features, self.attention.of_features(features))

    def start(self, features: Tensor) -> State:
        """Return the state before the first word."""
        # Shapes: features (B, L, D)
        mean = features.mean(dim=1)
        return State(self.init_hidden(mean), self.init_cell(mean))

    def step(self, view: View, state: State, embedded: Tensor) -> tuple[State, Tensor]:
        """Hear a word and look at the image."""
        # Shapes: embedded (B, embedding), attention (B, L)
        context, attention = self.attention(view.features, view.keys, state.hidden)
        gated = torch.sigmoid(self.gate(state.hidden)) * context
        return State(*self.lstm(torch.cat([embedded, gated], dim=1), state)), attention

    def forward(self, features: Tensor, words: Tensor, lengths: Tensor) -> Predictions:
        """Predict each word of captions, given the true words before it."""
        # Shapes: features (B, L, D), words (B, T), lengths (B,)
        # Captions that have ended leave the computation: the t-th step has as many rows as there
        # are captions with a t-th word to predict
        if (lengths.diff() > 0).any():
            raise ValueError("captions must come from long to short")
        n_at = [int((lengths > time).sum()) for time in range(1, int(lengths[0]))]
        view, state = self.view(features), self.start(features)
        embedded = self.embedding(words[:, : len(n_at)]).unbind(dim=1)
        hidden, looked = [], []
        for n, word in zip(n_at, embedded, strict=True):
            # Narrowed only where a caption has ended: each narrowing costs a copy on the way back.
            if n < len(view.features):
                view, state = View(*(one[:n] for one in view)), State(*(one[:n] for one in state))
            state, attention = self.step(view, state, word[:n])
            hidden.append(state.hidden)
            looked.append(F.pad(attention, (0, 0, 0, len(words) - n)))
        rows = torch.cat([torch.arange(n) for n in n_at]).to(words.device)
        times = torch.arange(len(n_at)).repeat_interleave(torch.tensor(n_at)).to(words.device)
        return Predictions(
            logits=self.output(self.dropout(torch.cat(hidden))),
            targets=words[rows, times + 1],
            rows=rows,
            times=times,
            looked=torch.stack(looked).sum(dim=0),
        )
