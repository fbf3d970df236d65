"""Put a quantizer into the layers of a network that take one."""

from functools import partial

from torch import nn

from partial_backprop.pruning.layers import weights
from partial_backprop.quantization.ste import check_bits, quantize

_HOOK = "weight_transform"


def wrappers(model: nn.Module) -> dict[str, nn.Module]:
    """Find the modules that pass a weight through ``weight_transform`` before they use it."""
    around = {name: model.get_submodule(name.rpartition(".")[0]) for name in weights(model)}
    return {name: wrapper for name, wrapper in around.items() if hasattr(wrapper, _HOOK)}


def quantize_layers(model: nn.Module, bits: int | None, *, keep_zeros: bool = True) -> list[str]:
    """Quantize the weights of all layers but the first and the last whenever they are used."""
    # Source: sparse_homework, Lab 3 (b): "keeping the first conv and final FC layer still as
    # floating point"
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
