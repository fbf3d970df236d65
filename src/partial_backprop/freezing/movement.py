"""Keep the weights active that move away from zero: s = −w · g."""

from collections.abc import Mapping

from torch import Tensor

from partial_backprop.freezing.scores import known, select
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share


def score(gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Score weights by how fast a step of descent moves them away from zero."""
    weights = known(gradients, "weights")
    return {name: -weights[name].detach() * g.detach() for name, g in gradients.items()}


def mask(
    gradients: Mapping[str, Tensor],
    *,
    q: Share | None = None,
    scope: str = "network",
    budget: int | None = None,
    bytes_per_weight: int = 8,
    keep: tuple[str, ...] = (),
) -> Mask:
    """Freeze the weights that move towards zero, or least away from it.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name, with the weights (`criterion.Gradients`).
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
        finite number, or the weights are unknown.

    Notes
    -----
    *Departures.* The source adds −w · g up over the steps of a training, in which both change; here w is
    the weight at the making of the mask and g the mean gradient of the batches that make it.

    References
    ----------
    V. Sanh, T. Wolf and A. Rush, "Movement pruning: adaptive sparsity by fine-tuning", NeurIPS 2020,
    section 4.
    """
    return select(
        score(gradients),
        q=q,
        scope=scope,
        budget=budget,
        bytes_per_weight=bytes_per_weight,
        keep=keep,
    )
