"""Keras' words for PyTorch's modules: classes, names of layers and weights, order of dimensions.

Shapes: N batch, C channels, the rest positions.
"""

import re
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from partial_backprop.summary.layouts import tensors

_SPATIAL = {
    f"{kind}{n}d": f"{name}{n}D"
    for n in (1, 2, 3)
    for kind, name in {
        "Conv": "Conv",
        "MaxPool": "MaxPooling",
        "AvgPool": "AveragePooling",
        "Dropout": "SpatialDropout",
        "ZeroPad": "ZeroPadding",
    }.items()
}
_TYPES = {
    **_SPATIAL,
    **{f"ConvTranspose{n}d": f"Conv{n}DTranspose" for n in (1, 2, 3)},
    **{f"BatchNorm{n}d": "BatchNormalization" for n in (1, 2, 3)},
    "Linear": "Dense",
    "LayerNorm": "LayerNormalization",
    "GroupNorm": "GroupNormalization",
    "MultiheadAttention": "MultiHeadAttention",
    "Upsample": "UpSampling2D",
}
"""Class in ``torch.nn`` -> class in Keras; those of equal names are left out."""

_ACTIVATIONS = (
    nn.ReLU,
    nn.ReLU6,
    nn.ELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Sigmoid,
    nn.Hardsigmoid,
    nn.Softplus,
    nn.Softsign,
    nn.Softmax,
    nn.Tanh,
)
"""What Keras takes as ``activation=`` of a layer; those with weights are layers of their own."""

_TAKES_ACTIVATION = (nn.modules.conv._ConvNd, nn.Linear)
_CHANNELS_FIRST = (
    nn.modules.conv._ConvNd,
    nn.modules.batchnorm._BatchNorm,
    nn.GroupNorm,
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    nn.modules.pooling._AdaptiveAvgPoolNd,
)
_BATCH_NORM = nn.modules.batchnorm._BatchNorm
_GIVES_MORE = (nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)
"""Modules that return states or attention behind their output."""

_ROLES = {"weight": "kernel", "running_mean": "moving_mean", "running_var": "moving_variance"}
_NORM_ROLES = _ROLES | {"weight": "gamma", "bias": "beta"}
STATISTICS = ("running_mean", "running_var")
"""Buffers that Keras counts among a layer's weights."""


def type_name(module: nn.Module) -> str:
    """Name a module's class as Keras does."""
    bases = (base for base in type(module).__mro__ if base.__module__.startswith("torch.nn."))
    name = next((base.__name__ for base in bases if base.__name__ in _TYPES), "")
    if isinstance(module, nn.modules.conv._ConvNd) and 1 < module.groups == module.in_channels:
        return f"Depthwise{_TYPES.get(name, name)}"
    if isinstance(module, nn.AdaptiveAvgPool2d) and module.output_size in (1, (1, 1)):
        return "GlobalAveragePooling2D"
    return _TYPES.get(name, type(module).__name__)


def snake_case(name: str) -> str:
    """Turn a class's name into that of a layer."""
    return re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", name).lower()


def is_activation(module: nn.Module) -> bool:
    """Tell whether Keras would take a module as the ``activation=`` of the layer before it."""
    return isinstance(module, _ACTIVATIONS)


def takes_activation(module: nn.Module) -> bool:
    """Tell whether a layer has an ``activation=`` in Keras."""
    return isinstance(module, _TAKES_ACTIVATION)


def own_weights(module: nn.Module) -> Iterator[tuple[str, str, Tensor]]:
    """Go through what Keras calls a layer's weights, in its order."""
    normalizes = isinstance(module, _BATCH_NORM | nn.LayerNorm | nn.GroupNorm)
    roles = _NORM_ROLES if normalizes else _ROLES
    for name, tensor in module.named_parameters(remove_duplicate=False):
        yield name, roles.get(name, name), tensor
    for name, tensor in module.named_buffers(remove_duplicate=False):
        if name.rpartition(".")[2] in STATISTICS:
            yield name, roles.get(name, name), tensor


def shown_output(module: nn.Module, output: object) -> Tensor | None:
    """Choose the tensor whose shape is printed."""
    if isinstance(module, _GIVES_MORE) and isinstance(output, tuple):
        return output[0] if isinstance(output[0], Tensor) and output[0].ndim else None
    found = tensors(output)
    return found[0] if len(found) == 1 else None


def channel_axis(module: nn.Module, ndim: int) -> int | None:
    """Tell by its class where a module puts the channels, for kernels that torch does not see."""
    if isinstance(module, _CHANNELS_FIRST):
        return 1
    return ndim - 1 if isinstance(module, nn.Linear | nn.Embedding | nn.LayerNorm) else None


def keras_shape(shape: torch.Size, axis: int | None) -> tuple[int | None, ...]:
    """Order the dimensions of an output as Keras does."""
    if not shape:
        return ()
    sizes = list(shape[1:])
    if axis is not None and 1 <= axis < len(shape):
        sizes.append(sizes.pop(axis - 1))
    return (None, *sizes)
