"""Score weights by their magnitude and that of their input: s = |w| · ‖x‖."""

from collections.abc import Mapping

from torch import Tensor

from partial_backprop.freezing.scores import known

NEEDS = ("inputs",)
"""Root mean squares of the inputs of linear and convolutional layers."""


def score(gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Score weights by their magnitude times that of the input that they multiply, s = |w| · ‖x‖.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name, with weights and inputs (`criterion.Gradients`); their values do not
        count.

    Returns
    -------
    dict of str to Tensor
        Score of each weight by parameter name, in the parameter's shape.

    Raises
    ------
    ValueError
        If the weights or inputs are unknown.

    Notes
    -----
    *Departures.* The source ranks within the weights of each output, as ``scope="row"`` does; it has the
    norm over all tokens, here it is divided by the root of their number, so that layers compare. A
    convolution's input is the mean over its places, borders aside. Inputs of what is no linear or
    convolutional layer count as 1.

    References
    ----------
    M. Sun et al., "A simple and effective pruning approach for large language models", ICLR 2024,
    equation 1.
    """
    weights, inputs = known(gradients, "weights"), known(gradients, "inputs")
    return {
        name: weights[name].detach().abs() * inputs.get(name, 1.0)  # a bias multiplies 1
        for name in gradients
    }
