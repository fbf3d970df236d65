"""Soft attention: where to look, given the words so far.

B: captions, L: locations, D: features at a location, H: hidden units, A: units of the attention.
"""

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Additive attention over the locations of an image."""

    # A location's score is wᵀ relu(V a + U h), and α the softmax of the scores; the context is Σ α
    # a
    # *Departures.* Rectified units in place of tanh, as in the public reference that the source's
    # settings come from. The score has no bias: softmax does not see one.
    # Source: pb2020, section 4.2; Xu et al., "Show, attend and tell", ICML 2015, equations 4 to 6;
    # Bahdanau et al., ICLR 2015, appendix A.1.2

    def __init__(self, n_features: int, hidden: int, units: int) -> None:
        super().__init__()
        self.of_features = nn.Linear(n_features, units)
        self.of_state = nn.Linear(hidden, units)
        self.score = nn.Linear(units, 1, bias=False)

    def forward(self, features: Tensor, keys: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Look at the image once."""
        # Shapes: features (B, L, D), keys (B, L, A), state (B, H), context (B, D), attention (B, L)
        queries = self.of_state(state).unsqueeze(1)  # (B, 1, A)
        scores = self.score(torch.relu(keys + queries)).squeeze(2)  # (B, L)
        attention = scores.softmax(dim=1)
        context = torch.bmm(attention.unsqueeze(1), features).squeeze(1)  # (B, D)
        return context, attention
