"""Freeze where the gradient is at most a given threshold: the listing, and the tweaked values."""

from collections.abc import Mapping

from torch import Tensor

from partial_backprop.freezing.thresholds import raw_threshold, split
from partial_backprop.mask import Mask
from partial_backprop.ranges import AboveZero, FromZero


def mask(
    gradients: Mapping[str, Tensor],
    *,
    threshold: FromZero,
    learning_rate: AboveZero | None = 0.001,
) -> Mask:
    """Freeze the weights whose gradient magnitude is at most a threshold.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name, as autograd leaves them.
    threshold : float
        In the paper's units, |g| / `learning_rate`; from 0 up. Tables 1 and 2 use 0.04 (VGG19),
        0.19 (ResNet-110), 0.45 (DenseNet-121) and 0.50 (LeNet-5).
    learning_rate : float or None, default=0.001
        What the paper divides by; 1 makes `threshold` a raw magnitude. None stands for the
        optimizer's rate at the making of the mask, as in the listing, which `PartialBackprop` fills
        in: a later mask then has a lower raw threshold once the rate has decayed.

    Returns
    -------
    Mask
        False, frozen, where |g| <= `threshold` · `learning_rate`.

    Raises
    ------
    ValueError
        If there are no gradients, `threshold` is negative, or `learning_rate` None or not positive.

    Notes
    -----
    The comparison is the listing's ``<=``. Section 3.2 freezes what is "smaller than the
    threshold"; the two differ for exact ties alone, of which a threshold of 0 is the one that
    matters: ``<=`` then freezes the natural zeros.

    *Departures.* The listing divides the gradients and compares with the threshold; this multiplies
    the threshold and compares with the gradients, rounded once to their precision. The raw
    threshold in the record is then the one that was applied, and the same on every device (CUDA
    divides by multiplying with a rounded reciprocal). A gradient within one rounding step of the
    threshold, 1 part in 10⁷ in float32, may fall on the other side.

    References
    ----------
    pb2020, section 3.2 and the listing's ``zeroGrad``: ``mask[all_positive<=thresh] = 0``.
    """
    if learning_rate is None:
        raise ValueError("criterion fixed needs a number as its learning_rate here")
    return split(gradients, raw_threshold(threshold, learning_rate))
