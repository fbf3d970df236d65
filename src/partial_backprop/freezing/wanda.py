"""Keep large weights of large inputs active: s = |w| · ‖x‖ of the input that the weight multiplies."""

from collections.abc import Mapping

from torch import Tensor

from partial_backprop.freezing.scores import known, select
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share

NEEDS = ("inputs",)
"""Root mean squares of the inputs of linear and convolutional layers."""


def score(gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Score weights by their magnitude times that of their input."""
    weights, inputs = known(gradients, "weights"), known(gradients, "inputs")
    return {
        name: weights[name].detach().abs() * inputs.get(name, 1.0)  # a bias multiplies 1
        for name in gradients
    }


def mask(
    gradients: Mapping[str, Tensor],
    *,
    q: Share | None = None,
    scope: str = "network",
    budget: int | None = None,
    bytes_per_weight: int = 8,
    keep: tuple[str, ...] = (),
) -> Mask:
    """Freeze the weights with the smallest |w| · ‖x‖.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name, with weights and inputs (`criterion.Gradients`).
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
        finite number, or weights or inputs are unknown.

    Notes
    -----
    *Departures.* The source ranks within the weights of each output, as ``scope="row"`` does; it has the
    norm over all tokens, here it is divided by the root of their number, so that layers compare. A
    convolution's input is the mean over its places, borders aside. Inputs of what is no linear or
    convolutional layer count as 1. The gradients are not looked at.

    References
    ----------
    M. Sun et al., "A simple and effective pruning approach for large language models", ICLR 2024,
    equation 1.
    """
    return select(
        score(gradients),
        q=q,
        scope=scope,
        budget=budget,
        bytes_per_weight=bytes_per_weight,
        keep=keep,
    )
