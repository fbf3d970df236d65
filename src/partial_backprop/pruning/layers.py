"""Which tensors of a network are weights, and which of them may be pruned."""

import warnings
from collections.abc import Iterable, Mapping

import torch
from torch import nn

from partial_backprop.errors import UserError

_SPARED = "id_mapping"
"""What the source calls the 1 x 1 convolution of a shortcut."""

_ONE_WEIGHT = (nn.modules.conv._ConvNd, nn.Linear, nn.Bilinear)
_SEVERAL_WEIGHTS = (nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)
_NORMALIZATIONS = (nn.LayerNorm, nn.RMSNorm)
"""Modules whose parameters may have two axes and are no weights."""
_COMPUTED = (
    "is computed from other parameters (weight_norm, spectral_norm, orthogonal, utils.prune or the "
    "like), so that zeros in it do not last: make it a parameter again, as remove_parametrizations, "
    "remove_weight_norm and prune.remove of torch.nn.utils do"
)


def weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """Find the weights of all convolutions, linear and recurrent layers and attentions."""
    found: dict[str, nn.Parameter] = {}
    for name, module in model.named_modules():
        for key in _keys(module):
            path = f"{name}.{key}".removeprefix(".")
            if key not in module._parameters:
                raise UserError(f"{path} {_COMPUTED}")
            weight = module._parameters[key]
            if weight is not None and not any(weight is other for other in found.values()):
                found[name if isinstance(module, _ONE_WEIGHT) else path] = weight
    _tell_left_out(model, found.values())
    return found


def _keys(module: nn.Module) -> list[str]:
    if isinstance(module, _ONE_WEIGHT):
        return ["weight"]
    if isinstance(module, nn.RNNBase):
        return [key for key in module._flat_weights_names if key.startswith("weight")]
    if isinstance(module, nn.RNNCellBase):
        return ["weight_ih", "weight_hh"]
    if isinstance(module, nn.MultiheadAttention):
        return ["in_proj_weight", *(f"{which}_proj_weight" for which in "qkv")]
    return []


def _tell_left_out(model: nn.Module, found: Iterable[nn.Parameter]) -> None:
    taken = {id(weight) for weight in found}
    left = [
        f"{name}.{key}".removeprefix(".")
        for name, module in model.named_modules()
        if not isinstance(module, _ONE_WEIGHT + _SEVERAL_WEIGHTS + _NORMALIZATIONS)
        for key, parameter in module.named_parameters(recurse=False)
        if parameter.ndim > 1 and id(parameter) not in taken
    ]
    if left:
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        warnings.warn(
            f"no weights of a layer known here, and left as they are: {', '.join(left[:3])}{more}",
            stacklevel=3,
        )


def check_parameters(weights: Mapping[str, torch.Tensor]) -> None:
    """Refuse what is altered in place without effect."""
    for name, weight in weights.items():
        if not isinstance(weight, nn.Parameter):
            raise UserError(f"{name or 'the weight'} {_COMPUTED}")


def masks_for(
    weights: Mapping[str, torch.Tensor], saved: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Copy saved masks to the devices of the weights that they are of."""
    shapes = {name: weight.shape for name, weight in weights.items()}
    if {name: mask.shape for name, mask in saved.items()} != shapes:
        raise ValueError("the pruner's state is of other weights: start the run afresh")
    return {n: mask.to(weights[n].device, torch.bool, copy=True) for n, mask in saved.items()}


def prunable(model: nn.Module) -> dict[str, nn.Parameter]:
    """Find the weights that the source prunes.

    Parameters
    ----------
    model : nn.Module
        Any network.

    Returns
    -------
    dict of str to Parameter
        As `weights`, without the convolutions on shortcuts, which are named ``id_mapping``.

    References
    ----------
    sparse_homework, Lab 2 (c) to (e): its lists of sparsities name 20 layers of ResNet-20, and their total
    is a share of 268,336 weights, so the 2,560 of ``id_mapping`` are not among them.
    """
    return {name: weight for name, weight in weights(model).items() if _SPARED not in name}
