"""Score weights by their magnitude: s = |w|, or −|w|."""

from collections.abc import Mapping

from torch import Tensor

from partial_backprop.freezing.scores import known


def score(gradients: Mapping[str, Tensor], *, active: str = "largest") -> dict[str, Tensor]:
    """Score weights by their magnitude, s = |w|, or by its negative.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name, with the weights (`criterion.Gradients`).
    active : {"largest", "smallest"}, default="largest"
        Which weights stay active.

    Returns
    -------
    dict of str to Tensor
        Score of each weight by parameter name, in the parameter's shape.

    Raises
    ------
    ValueError
        If the weights are unknown, or `active` is neither.

    References
    ----------
    Largest: S. Han et al., "Learning both weights and connections for efficient neural networks",
    NeurIPS 2015, which prunes the smallest. Smallest: A. Mallya and S. Lazebnik, "PackNet", CVPR 2018,
    which retrains those that pruning has freed, and keeps the large ones as they are.
    """
    if active not in ("largest", "smallest"):
        raise ValueError(f"unknown active {active!r}: choose largest or smallest")
    sign = 1 if active == "largest" else -1
    weights = known(gradients, "weights")
    return {name: sign * weights[name].detach().abs() for name in gradients}
