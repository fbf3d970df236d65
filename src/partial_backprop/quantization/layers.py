"""Put a quantizer into the layers of a network that take one."""

from functools import partial

from torch import nn

from partial_backprop.pruning.layers import weights
from partial_backprop.quantization.ste import check_bits, quantize

_HOOK = "weight_transform"


def wrappers(model: nn.Module) -> dict[str, nn.Module]:
    """Find the modules that pass a weight through ``weight_transform`` before they use it.

    Parameters
    ----------
    model : nn.Module
        A network whose convolutions and linear layers are wrapped, such as ``resnet20``.

    Returns
    -------
    dict of str to nn.Module
        Name of the module that holds the weight (see `partial_backprop.pruning.layers.weights`) to
        the wrapper around it, in the order of the network; weights without a wrapper are left out.
    """
    around = {name: model.get_submodule(name.rpartition(".")[0]) for name in weights(model)}
    return {name: wrapper for name, wrapper in around.items() if hasattr(wrapper, _HOOK)}


def quantize_layers(model: nn.Module, bits: int | None, *, keep_zeros: bool = True) -> list[str]:
    """Quantize the weights of all layers but the first and the last whenever they are used.

    Parameters
    ----------
    model : nn.Module
        The network; its weights themselves stay in floating point, as does its ``state_dict``.
    bits : int or None
        From 1 to 24; None takes the quantizers out again.
    keep_zeros : bool
        Whether weights that are exactly 0 stay 0 (see `partial_backprop.quantization.ste`).

    Returns
    -------
    list of str
        Names of the quantized layers, those of the modules that hold the weights.

    Raises
    ------
    ValueError
        If `bits` is out of range, or the network has no layer between the first and the last.

    References
    ----------
    Seed 003, Lab 3 (b): "keeping the first conv and final FC layer still as floating point".
    """
    found = wrappers(model)
    for wrapper in found.values():
        setattr(wrapper, _HOOK, None)
    if bits is None:
        return []
    check_bits(bits)
    inner = list(found)[1:-1]
    if not inner:
        raise ValueError("this network has no layers to quantize: choose resnet20")
    for name in inner:
        setattr(found[name], _HOOK, partial(quantize, bits=bits, keep_zeros=keep_zeros))
    return inner
