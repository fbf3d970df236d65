"""Winograd's convolution of 3 x 3 in float32, by the kernels of `kernels.c`.

N: batch, C: input channels, F: filters, H, W: height and width, which 4 divides.
"""

import threading

import torch
from torch import Tensor

from partial_backprop.layers import kernels

_WORKSPACE = 2**23  # numbers: 32 MiB, within a core's share of most caches
_local = threading.local()


def convolve(
    images: Tensor, weight: Tensor, bias: Tensor | None, *, backward: bool = False
) -> Tensor:
    """Convolve, or with `backward` take a gradient (N, F, H, W) back to the input, by F(4 x 4, 3 x 3)."""
    images, weight = kernels.last(images), kernels.last(weight)
    (n, h, w, c_in), (f, _, _, c) = images.shape, weight.shape
    c_out = c if backward else f
    filters = images.new_empty(36, f, c)
    kernels.call("winograd_filters", weight, filters, images.new_empty(18 * c), f, c, int(backward))
    if not backward:
        filters = filters.transpose(1, 2)
    outputs = images.new_empty(n, h, w, c_out)
    per_image = 36 * (h // 4) * (w // 4)
    n_blocks = -(-n * per_image * (c_in + c_out) // _WORKSPACE)
    size = -(-n // n_blocks)
    workspace, scratch = (
        _workspace(size * per_image * (c_in + c_out)),
        images.new_empty(37 * max(c_in, c_out)),
    )
    for x, y in zip(images.split(size), outputs.split(size), strict=True):
        tiles = len(x) * per_image // 36
        before = workspace[: 36 * tiles * c_in].view(36, tiles, c_in)
        after = workspace[36 * tiles * c_in :][: 36 * tiles * c_out].view(36, tiles, c_out)
        kernels.call("winograd_input", x, before, scratch, len(x), h, w, c_in)
        torch.bmm(before, filters, out=after)
        kernels.call("winograd_output", after, y, bias, scratch, len(x), h, w, c_out)
    return outputs.permute(0, 3, 1, 2)


def _workspace(size: int) -> Tensor:
    """Return memory for tiles, kept by each thread: fresh pages would cost as much as the transforms."""
    kept = getattr(_local, "workspace", None)
    if kept is None or len(kept) < size:
        kept = _local.workspace = torch.empty(max(size, _WORKSPACE))
    return kept
