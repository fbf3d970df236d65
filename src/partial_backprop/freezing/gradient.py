"""Score weights by the gradient: s = |g|."""

from collections.abc import Mapping

from torch import Tensor


def score(gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Score weights by the magnitude of the gradient, s = |g|.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name: means over the batches that make the mask.

    Returns
    -------
    dict of str to Tensor
        Score of each weight by parameter name, in the parameter's shape.

    References
    ----------
    pb2020, section 3.2.
    """
    return {name: gradient.detach().abs() for name, gradient in gradients.items()}
