"""What a decoder's training makes small."""

import torch.nn.functional as F
from torch import Tensor

from partial_backprop.captioning.decoder import Predictions


def doubly_stochastic(looked: Tensor) -> Tensor:
    """Tell how unevenly a decoder looked at the locations of the images.

    Parameters
    ----------
    looked : Tensor of shape (B, L)
        Attention at each of L locations, summed over the words of a caption.

    Returns
    -------
    Tensor of shape ()
        Mean over captions and locations of (1 − Σ_t α)²; 0 where each was looked at once in all.

    Notes
    -----
    *Departures.* Xu et al. sum over the locations; the mean, as in the public reference, makes the
    weight of the term independent of the grid.

    References
    ----------
    Xu et al., "Show, attend and tell", ICML 2015, equation 14.
    """
    return (1 - looked).square().mean()


def losses(predictions: Predictions) -> tuple[Tensor, Tensor]:
    """Return the two terms of the loss.

    Parameters
    ----------
    predictions : Predictions
        What the decoder said to true captions.

    Returns
    -------
    cross_entropy : Tensor of shape ()
        Mean over all predicted words, ends included, in nats.
    penalty : Tensor of shape ()
        From `doubly_stochastic`.
    """
    cross_entropy = F.cross_entropy(predictions.logits, predictions.targets)
    return cross_entropy, doubly_stochastic(predictions.looked)
