"""Keep the weights active without which the loss changes most: s = |w · g|."""

from collections.abc import Mapping

from torch import Tensor

from partial_backprop.freezing.scores import known, select
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share


def score(gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Score weights by connection sensitivity."""
    weights = known(gradients, "weights")
    return {name: (weights[name].detach() * g.detach()).abs() for name, g in gradients.items()}


def mask(
    gradients: Mapping[str, Tensor],
    *,
    q: Share | None = None,
    scope: str = "network",
    budget: int | None = None,
    bytes_per_weight: int = 8,
    keep: tuple[str, ...] = (),
) -> Mask:
    """Freeze the weights with the smallest |w · g|.

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
    *Departures.* The source divides by the sum over the network, which changes no rank, and prunes an
    untrained network; here weights freeze at any time.

    References
    ----------
    N. Lee, T. Ajanthan and P. Torr, "SNIP: single-shot network pruning based on connection sensitivity",
    ICLR 2019, equations 4 and 5.
    """
    return select(
        score(gradients),
        q=q,
        scope=scope,
        budget=budget,
        bytes_per_weight=bytes_per_weight,
        keep=keep,
    )
