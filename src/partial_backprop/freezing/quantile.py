"""Freeze a given share of the weights: those with the smallest gradients."""

from collections.abc import Mapping

from torch import Tensor

from partial_backprop.freezing.scores import check_share, lowest
from partial_backprop.freezing.thresholds import check_finite, magnitude
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share


def mask(gradients: Mapping[str, Tensor], *, q: Share, scope: str = "network") -> Mask:
    """Freeze the weights with the smallest gradient magnitudes.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name.
    q : float
        Share that is frozen, from 0 to 1, of all weights, natural zeros included. The number is
        exact: `q` times the number of weights, rounded to the nearest whole number, halves up.
    scope : {"network", "layer"}, default="network"
        Rank over the whole network, or within each parameter tensor.

    Returns
    -------
    Mask
        False where frozen. It has a threshold, the largest frozen magnitude, with ``network`` only.

    Raises
    ------
    ValueError
        If there are no gradients, one is not finite, or an option is out of range.

    Notes
    -----
    Of equal magnitudes at the threshold, those freeze that come first in the order of the mapping
    and, within a tensor, of the index. Ranking is done on the CPU, so that devices agree.

    References
    ----------
    None: a control that the sources lack. It fixes the frozen share that they report.
    """
    check_share(q, scope)
    check_finite(gradients)
    frozen, threshold = lowest(list(gradients.values()), q, scope, read=magnitude)
    parts = zip(gradients.items(), frozen, strict=True)
    return Mask({name: ~part.to(g.device) for (name, g), part in parts}, threshold=threshold)
