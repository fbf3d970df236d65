"""Score weights by how fast they move away from zero: s = −w · g."""

from collections.abc import Mapping

from torch import Tensor

from partial_backprop.freezing.scores import known


def score(gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Score weights by how fast a step of descent moves them away from zero, s = −w · g.

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
    *Departures.* The source adds −w · g up over the steps of a training, in which both change; here w is
    the weight at the making of the mask and g the mean gradient of the batches that make it.

    References
    ----------
    V. Sanh, T. Wolf and A. Rush, "Movement pruning: adaptive sparsity by fine-tuning", NeurIPS 2020,
    section 4.
    """
    weights = known(gradients, "weights")
    return {name: -weights[name].detach() * g.detach() for name, g in gradients.items()}
