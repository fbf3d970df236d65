"""Keep the largest weights active, or the smallest: s = |w|, or −|w|."""

from collections.abc import Mapping

from torch import Tensor

from partial_backprop.freezing.scores import known, select
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share


def score(gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Score weights by their magnitude."""
    weights = known(gradients, "weights")
    return {name: weights[name].detach().abs() for name in gradients}


def mask(
    gradients: Mapping[str, Tensor],
    *,
    q: Share | None = None,
    scope: str = "network",
    budget: int | None = None,
    bytes_per_weight: int = 8,
    keep: tuple[str, ...] = (),
    active: str = "largest",
) -> Mask:
    """Freeze the weights with the smallest magnitudes, or with the largest.

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
    active : {"largest", "smallest"}, default="largest"
        Which weights stay active.

    Returns
    -------
    Mask
        False where frozen; without a threshold.

    Raises
    ------
    ValueError
        If not exactly one of `q` and `budget` is given, an option is out of range, or a score is no
        finite number, or the weights are unknown.

    References
    ----------
    Largest: S. Han et al., "Learning both weights and connections for efficient neural networks",
    NeurIPS 2015, which prunes the smallest. Smallest: A. Mallya and S. Lazebnik, "PackNet", CVPR 2018,
    which retrains those that pruning has freed, and keeps the large ones as they are.
    """
    if active not in ("largest", "smallest"):
        raise ValueError(f"unknown active {active!r}: choose largest or smallest")
    sign = 1 if active == "largest" else -1
    return select(
        {name: sign * values for name, values in score(gradients).items()},
        q=q,
        scope=scope,
        budget=budget,
        bytes_per_weight=bytes_per_weight,
        keep=keep,
    )
