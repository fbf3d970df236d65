"""Score weights by how much the loss depends on them: s = |w · g|."""

from collections.abc import Mapping

from torch import Tensor

from partial_backprop.freezing.scores import known


def score(gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Score weights by connection sensitivity, s = |w · g|.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name, with the weights (`criterion.Gradients`).

    Returns
    -------
    dict of str to Tensor
        Score of each weight by parameter name, in the parameter's shape.

    Raises
    ------
    ValueError
        If the weights are unknown.

    Notes
    -----
    *Departures.* The source divides by the sum over the network, which changes no rank, and prunes an
    untrained network; here weights freeze at any time.

    References
    ----------
    N. Lee, T. Ajanthan and P. Torr, "SNIP: single-shot network pruning based on connection sensitivity",
    ICLR 2019, equations 4 and 5.
    """
    weights = known(gradients, "weights")
    return {name: (weights[name].detach() * g.detach()).abs() for name, g in gradients.items()}
