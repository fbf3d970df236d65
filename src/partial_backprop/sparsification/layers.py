"""Two kinds of weights: those whose gradients may be zeroed, and those that are kept whole."""

from torch import nn

from partial_backprop.pruning.layers import weights


def eligible(model: nn.Module, *, spare_first: bool = True) -> dict[str, nn.Parameter]:
    """Find the weights whose gradients may be zeroed."""
    # *Departures.* The seed has two lists of indices: the one that names the layers begins with 0,
    # the first kernel, and the one whose entries it adds up does not. The default is the second.
    # Both lack index 18, the kernel of ``conv2d_3``, whose entries are in the sum; here it is
    # eligible.
    # Source: gradient_notes, "Two kinds of layers"
    names = {parameter: name for name, parameter in model.named_parameters()}
    kernels = {names[one]: one for one in weights(model).values()}
    found = dict(list(kernels.items())[1 if spare_first else 0 :])
    if not found:
        raise ValueError("this network has no kernel whose gradients may be zeroed")
    return found
