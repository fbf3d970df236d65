"""Convolutions of r x r, 3 or 1, in bfloat16 in AMX's tiles, by the kernels of `tiles.h`.

N: batch, C: input channels, F: filters, H, W: height and width.
"""

import torch
from torch import Tensor

from partial_backprop.layers import kernels


def convolve(
    images: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    addend: Tensor | None = None,
    *,
    backward: bool = False,
) -> Tensor:
    """Convolve, or with `backward` take an output's gradient (N, F, H, W) back to the input."""
    images, weight = kernels.last(images), kernels.last(weight).float()
    (n, h, w, _), (f, side, _, c) = images.shape, weight.shape
    outputs = images.new_empty(n, h, w, c if backward else f)
    bias = None if bias is None else bias.float().contiguous()
    addend = None if addend is None else kernels.last(addend)
    sizes = (n, h, w, f, c, side, int(backward))
    kernels.call("tiles_convolve", images, weight, bias, addend, outputs, *sizes)
    return outputs.permute(0, 3, 1, 2)


def weight_gradient(gradient: Tensor, images: Tensor, weight: Tensor) -> Tensor:
    """Multiply outputs' gradients by the inputs' windows, in float32 from the products on."""
    outputs, inputs = kernels.last(gradient), kernels.last(images)
    (f, c, side, _), (n, h, w, _) = weight.shape, inputs.shape
    kind = torch.preserve_format  # with one name for two orders of 1 x 1
    if not weight.is_contiguous(memory_format=torch.channels_last):
        kind = torch.channels_last
    of_weight = torch.empty_like(weight, dtype=torch.float32, memory_format=kind)
    kernels.call("tiles_weight_gradient", outputs, inputs, of_weight, n, h, w, f, c, side)
    return of_weight
