"""A network as a chain of layers, each of which reads the units of the one before.

A unit is an output channel of a convolution or an output of a linear layer. O: units of a layer,
I: units of the layer before, K: weights from one unit to another.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_ELEMENTWISE = (nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU)
_KEEP_CONSTANTS = (
    nn.Identity, nn.Dropout, nn.Dropout2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d,
    nn.Flatten,
)  # fmt: skip
"""What leaves a map whose pixels are all equal as it is, in evaluation mode."""


@dataclass(frozen=True)
class Link:
    """A layer of a chain, with what comes between it and the next."""

    name: str  # name of the layer in the network
    layer: nn.Conv2d | nn.Linear  # the layer itself, whose weight may change
    # columns of a linear layer's weight that read one unit of the layer before: the pixels of a
    # flattened channel; 1 for a convolution
    span: int
    after: tuple[nn.Module, ...]  # normalisation, activation, pooling and the like

    def blocks(self) -> Tensor:
        """View the weight by the units that it connects."""
        # Shapes: result (O, I, K)
        weight = self.layer.weight
        if isinstance(self.layer, nn.Linear):
            return weight.view(len(weight), -1, self.span)
        return weight.view(*weight.shape[:2], -1)

    def constants(self) -> Tensor:
        """Compute what the units put out, after `after`, if all weights into them were zero."""
        # Shapes: result (O,)
        weight, bias = self.layer.weight.detach(), self.layer.bias
        value = weight.new_zeros(len(weight)) if bias is None else bias.detach().clone()
        for module in self.after:
            if isinstance(module, NORMS):
                value = F.batch_norm(
                    value[None], module.running_mean, module.running_var,
                    module.weight, module.bias, eps=module.eps,
                ).detach()[0]  # fmt: skip
            elif isinstance(module, _ELEMENTWISE):
                value = module(value.clone())
        return value


def chain(model: nn.Sequential) -> list[Link]:
    """Read a network as a chain of layers."""
    parts = list(_flat(model, ""))
    at = [n for n, (_, part) in enumerate(parts) if isinstance(part, nn.Conv2d | nn.Linear)]
    if not at or at[0] != 0:
        raise ValueError("the network must begin with a convolution or a linear layer")
    links: list[Link] = []
    for start, end in pairwise([*at, len(parts)]):
        name, layer = parts[start]
        after = tuple(_checked(*part, len(layer.weight)) for part in parts[start + 1 : end])
        if isinstance(layer, nn.Conv2d) and layer.groups != 1:
            raise ValueError(f"{name}: a grouped convolution cannot be taken apart into filters")
        if "weight" not in layer._parameters:
            raise ValueError(f"{name}: its weight is computed from others, as by weight_norm")
        links.append(Link(name, layer, _span(name, layer, links), after))
    return links


def _flat(model: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    if not isinstance(model, nn.Sequential):
        raise ValueError(f"the network is a {type(model).__name__}, not a sequence of layers")
    for key, module in model.named_children():
        if isinstance(module, nn.Sequential):
            yield from _flat(module, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", module


def _checked(name: str, module: nn.Module, n_units: int) -> nn.Module:
    if isinstance(module, NORMS):
        if module.running_mean is None or module.num_features != n_units:
            raise ValueError(f"{name}: needs running statistics, one for each of {n_units} units")
    elif isinstance(module, nn.AvgPool2d):
        if module.padding not in (0, (0, 0)):
            raise ValueError(f"{name}: average pooling with padding mixes zeros into a map")
    elif not isinstance(module, _ELEMENTWISE + _KEEP_CONSTANTS):
        raise ValueError(f"{name}: {type(module).__name__} is no link of a chain of layers")
    return module


def _span(name: str, layer: nn.Conv2d | nn.Linear, before: list[Link]) -> int:
    if not before or isinstance(layer, nn.Conv2d):
        return 1
    n_units = len(before[-1].layer.weight)
    if layer.in_features % n_units:
        raise ValueError(f"{name}: {layer.in_features} inputs cannot come from {n_units} units")
    return layer.in_features // n_units
