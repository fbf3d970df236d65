"""Keep the largest gradients active: s = |g|, the mean over the batches that make the mask."""

from collections.abc import Mapping

from torch import Tensor

from partial_backprop.freezing.scores import select
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share


def score(gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Score weights by the magnitude of the gradient."""
    return {name: gradient.detach().abs() for name, gradient in gradients.items()}


def mask(
    gradients: Mapping[str, Tensor],
    *,
    q: Share | None = None,
    scope: str = "network",
    budget: int | None = None,
    bytes_per_weight: int = 8,
    keep: tuple[str, ...] = (),
) -> Mask:
    """Freeze the weights with the smallest gradients, as ``quantile`` does, or by a budget.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name.
    q : float, optional
        Share that is frozen, from 0 to 1.
    scope : {"network", "layer", "row"}, default="network"
        Rank over the network, within each parameter tensor, or within all weights of each output.
    budget : int, optional
        In the place of `q`, over the network: bytes that the active weights may take.
    bytes_per_weight : int, default=8
        Bytes that an active weight takes: at most 8 in a delta file.
    keep : tuple of str, default=()
        Parameters whose name contains one of these stay active whole, and are not counted.

    Returns
    -------
    Mask
        False where frozen; without a threshold.

    Raises
    ------
    ValueError
        If not exactly one of `q` and `budget` is given, an option is out of range, or a score is no
        finite number.

    References
    ----------
    Seed 001, section 3.2; share, budget and rows are ours.
    """
    return select(
        score(gradients),
        q=q,
        scope=scope,
        budget=budget,
        bytes_per_weight=bytes_per_weight,
        keep=keep,
    )
