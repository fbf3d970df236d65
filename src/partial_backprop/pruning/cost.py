"""What a network costs: parameters, multiplications, bytes on disk."""

import io
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from partial_backprop.measurements.filters import Size


def multiply_adds(model: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Count the multiplications of convolutions and linear layers."""
    counts: list[int] = []

    def add(layer: nn.Conv2d | nn.Linear, _: tuple[Tensor, ...], output: Tensor) -> None:
        counts.append(output.numel() * math.prod(layer.weight.shape[1:]))

    layers = [one for one in model.modules() if isinstance(one, nn.Conv2d | nn.Linear)]
    handles = [layer.register_forward_hook(add) for layer in layers]
    weight = next(model.parameters())
    was_training = model.training
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, *image_shape, dtype=weight.dtype, device=weight.device))
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return sum(counts)


def saved_bytes(model: nn.Module) -> int:
    """Measure the file that holds a network's weights."""
    buffer = io.BytesIO()
    torch.save({name: value.cpu() for name, value in model.state_dict().items()}, buffer)
    return buffer.getbuffer().nbytes


def size(model: nn.Module, image_shape: tuple[int, int, int]) -> "Size":
    """Measure a network."""
    from partial_backprop.measurements.filters import Size

    layers = (one for one in model.modules() if isinstance(one, nn.Conv2d | nn.Linear))
    return Size(
        units=tuple(len(layer.weight) for layer in layers),
        n_parameters=sum(parameter.numel() for parameter in model.parameters()),
        n_multiply_adds=multiply_adds(model, image_shape),
        n_bytes=saved_bytes(model),
    )
