"""What a decoder's training makes small."""

import torch.nn.functional as F
from torch import Tensor

from partial_backprop.captioning.decoder import Predictions


def doubly_stochastic(looked: Tensor) -> Tensor:
    """Tell how unevenly a decoder looked at the locations of the images."""
    # Shapes: looked (B, L), result ()
    # *Departures.* Xu et al. sum over the locations; the mean, as in the public reference, makes
    # the weight of the term independent of the grid.
    # Source: Xu et al., "Show, attend and tell", ICML 2015, equation 14
    return (1 - looked).square().mean()


def losses(predictions: Predictions) -> tuple[Tensor, Tensor]:
    """Return the two terms of the loss."""
    # Shapes: cross_entropy (), penalty ()
    cross_entropy = F.cross_entropy(predictions.logits, predictions.targets)
    return cross_entropy, doubly_stochastic(predictions.looked)
