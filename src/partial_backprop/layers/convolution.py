"""Convolutions of 3 x 3 at the processor's limit: torch's values to rounding, by fewer products.

N: batch, C: input channels, F: filters, H, W: height and width; "last" is (N, H, W, C) in memory.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from partial_backprop.layers import kernels, tiles, winograd
from partial_backprop.layers.autocast import as_autocast_would, without_autocast

_MIN_CHANNELS = 32  # with fewer, the transforms of a tile cost more than its products
_COLUMNS_MAP = 16  # pixels up to which one product with all windows is the faster weight gradient
_TILES_MAP = 16  # pixels up to which convolutions in tiles beat torch's with any number of channels
_TILES_MAP_POINTWISE = 64  # pixels, of convolutions of 1 x 1
_TILES_CHANNELS = 64  # inputs and outputs up to which they do on any map
_TILE = 16  # channels; with fewer inputs a tile of the weight gradient is mostly empty


class Conv2d(nn.Conv2d):
    """``nn.Conv2d`` with the same parameters, whose small convolutions on a processor run faster."""

    # What runs depends on shapes, type and device alone, so that bits repeat (`algorithm`). Gradients can
    # be differentiated once.

    def forward(self, images: Tensor) -> Tensor:
        """Convolve."""
        if self.padding_mode != "zeros" or isinstance(self.padding, str):
            return super().forward(images)
        return convolve(images, self.weight, self.bias, self.geometry)

    def beside(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve, and return the input too, for another use of it."""
        (like,) = as_autocast_would(self.weight[:0])
        if (
            type(self) is not Conv2d  # which may do something else
            or self.padding_mode != "zeros"
            or isinstance(self.padding, str)
            or images.dtype != like.dtype
            or algorithm(images, self.weight, self.geometry) != "tiles"
            or not _by_tiles(images, self.weight)
        ):
            return self(images), images
        with without_autocast(images.device):
            return _ConvolutionBeside.apply(images, self.weight, self.bias, self.geometry)

    @property
    def geometry(self) -> tuple:
        """Stride, padding, dilation and groups."""
        return self.stride, self.padding, self.dilation, self.groups


def convolve(
    images: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    geometry: tuple,
    rows: Tensor | None = None,
    *,
    by_torch: bool = False,
) -> Tensor:
    """Convolve, in autocast's type where that is on; only some rows (filters) may have a weight gradient."""
    given, like = as_autocast_would(images, weight[:0])
    alike = given.dtype == like.dtype  # or else torch refuses
    if alike and not by_torch and algorithm(given, weight, geometry) == "tiles":
        images, chosen = given, "tiles"  # which cast weights, and have their gradient in float32
    else:
        images, weight, bias = as_autocast_would(images, weight, bias)
        chosen = algorithm(images, weight, geometry) if alike and not by_torch else "torch"
    if chosen == "winograd" and not kernels.are_vectors(len(weight), bias):
        chosen = "torch"  # which refuses it or casts it
    if chosen == "torch" and rows is None:
        return F.conv2d(images, weight, bias, *geometry)
    with without_autocast(images.device):
        return _Convolution.apply(images, weight, bias, geometry, rows, chosen)


def algorithm(images: Tensor, weight: Tensor, geometry: tuple) -> str:
    """Choose how to convolve: "matrix", "winograd", "tiles" or "torch"."""
    # All but torch's own want a processor, stride 1 and a padding that keeps the map's size. matrix, 3 x 3
    # on maps of at most 2 x 2: one matrix product with only those products that do not meet the padding.
    # winograd, 3 x 3 (forward and input gradient; the weight gradient sums products as ever, so that exact
    # zeros stay zero): float32, one thread, sides that 4 divides, and the compiled kernels. Both want at
    # least 32 channels and filters. tiles: bfloat16, one thread, and the compiled kernels on a processor
    # with AMX; 3 x 3 and 1 x 1. Torch's kernels do forward and input gradient unless `_by_tiles` says so,
    # and the weight gradient of 3 x 3 with fewer than 16 channels.
    side = weight.shape[2] if weight.dim() == 4 else 0
    usual = (
        kernels.suit(images, weight)
        and images.dim() == 4
        and side in (1, 3)
        and weight.shape[3] == side
        and tuple(map(tuple, geometry[:3])) == ((1, 1), (side // 2, side // 2), (1, 1))
        and geometry[3] == 1
        and images.numel() > 0
    )
    if not usual:
        return "torch"
    height, width = images.shape[2:]
    if (
        images.dtype == torch.bfloat16
        and weight.dtype in (torch.float32, torch.bfloat16)
        and kernels.are_there_for(images, weight)
        and kernels.have_tiles()
    ):
        return "tiles"
    if side != 3 or min(weight.shape[:2]) < _MIN_CHANNELS:
        return "torch"
    if height <= 2 and width <= 2:
        return "matrix"
    if (
        images.dtype == weight.dtype == torch.float32
        and height % 4 == width % 4 == 0
        and kernels.are_there_for(images, weight)
    ):
        return "winograd"
    return "torch"


def _by_tiles(images: Tensor, weight: Tensor) -> bool:
    """Tell whether forward and input gradient are faster in tiles than by torch's kernel."""
    pixels, channels = images[0, 0].numel(), weight.shape[:2]
    if weight.shape[2] == 1:
        return pixels <= _TILES_MAP_POINTWISE
    narrow = max(channels) <= _TILES_CHANNELS or min(channels) < _MIN_CHANNELS
    return narrow or pixels <= _TILES_MAP


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        images: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        geometry: tuple,
        rows: Tensor | None,
        chosen: str,
    ) -> Tensor:
        ctx.save_for_backward(images, weight, rows)
        ctx.geometry, ctx.chosen = geometry, chosen
        if chosen == "matrix":
            outputs = kernels.last(images).flatten(1) @ _matrix(weight, *images.shape[2:]).T
            outputs = _first(outputs, weight.shape[0], *images.shape[2:])
            return outputs if bias is None else outputs + bias.view(1, -1, 1, 1)
        if chosen == "winograd":
            return winograd.convolve(images, weight, bias)
        if chosen == "tiles" and _by_tiles(images, weight):
            return tiles.convolve(images, weight, bias)
        if chosen == "tiles":
            weight, bias = (None if one is None else one.to(images.dtype) for one in (weight, bias))
        return F.conv2d(images, weight, bias, *geometry)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return *_gradients(ctx, gradient), None, None, None


class _ConvolutionBeside(torch.autograd.Function):
    """In tiles, with the input as a second output."""

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None, geometry: tuple
    ) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        outputs = _Convolution.forward(ctx, images, weight, bias, geometry, None, "tiles")
        return outputs, images.view_as(images)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: Tensor | None, carried: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        if gradient is None:
            return carried, None, None, None
        return *_gradients(ctx, gradient, carried), None


def _gradients(
    ctx: Any, gradient: Tensor, carried: Tensor | None = None
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the gradients of images, plus what is carried, of weight and of bias."""
    images, weight, rows = ctx.saved_tensors
    of_images = of_weight = of_bias = None
    if ctx.needs_input_grad[0]:
        if ctx.chosen == "matrix":
            of_images = kernels.last(gradient).flatten(1) @ _matrix(weight, *images.shape[2:])
            of_images = _first(of_images, weight.shape[1], *images.shape[2:])
        elif ctx.chosen == "winograd":
            of_images = winograd.convolve(gradient, weight, None, backward=True)
        elif ctx.chosen == "tiles" and _by_tiles(images, weight):
            of_images = tiles.convolve(gradient, weight, None, carried, backward=True)
        else:
            of_images = _torch_backward(ctx, gradient, images, weight, [True, False, False])[0]
    if ctx.needs_input_grad[2]:
        kind = torch.float32 if ctx.chosen == "tiles" else None
        of_bias = gradient.sum((0, 2, 3), dtype=kind)
    if ctx.needs_input_grad[1] and rows is None:
        of_weight = _weight_gradient(ctx, gradient, images, weight)
    elif ctx.needs_input_grad[1]:
        # (N, F, H, W) -> (N, active, H, W), channels last
        active = kernels.last(gradient).index_select(3, rows).permute(0, 3, 1, 2)
        of_active = _weight_gradient(ctx, active, images, weight[: len(rows)])
        of_weight = torch.zeros_like(weight).index_copy_(0, rows, of_active.to(weight.dtype))
    return of_images, of_weight, of_bias


def _weight_gradient(ctx: Any, gradient: Tensor, images: Tensor, weight: Tensor) -> Tensor:
    _, _, height, width = images.shape
    if ctx.chosen == "tiles" and (images.shape[1] >= _TILE or weight.shape[2] == 1):
        return tiles.weight_gradient(gradient, images, weight)
    if ctx.chosen in ("torch", "tiles") or (
        ctx.chosen == "winograd" and height * width > _COLUMNS_MAP
    ):
        return _torch_backward(ctx, gradient, images, weight, [False, True, False])[1]
    inputs, outputs = kernels.last(images), kernels.last(gradient)
    if ctx.chosen != "matrix":
        of_weight = outputs.flatten(0, 2).T @ _columns(inputs)
        return of_weight.view(len(weight), 3, 3, -1).permute(0, 3, 1, 2)
    of_weight = torch.zeros_like(weight)
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            # Outputs at (y, x) and their inputs at (y + dy, x + dx), both inside the map.
            ys, xs = slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx))
            if ys.start < ys.stop and xs.start < xs.stop:
                o = outputs[:, ys, xs].flatten(0, 2)
                i = inputs[:, ys.start + dy : ys.stop + dy, xs.start + dx : xs.stop + dx]
                of_weight[:, :, 1 + dy, 1 + dx] = o.T @ i.flatten(0, 2)
    return of_weight


def _torch_backward(
    ctx: Any, gradient: Tensor, images: Tensor, weight: Tensor, wanted: list[bool]
) -> tuple[Tensor | None, ...]:
    stride, padding, dilation, groups = ctx.geometry
    weight = weight.to(images.dtype)
    return torch.ops.aten.convolution_backward(
        gradient, images, weight, None, stride, padding, dilation, False, [0, 0], groups, wanted
    )


def _first(rows: Tensor, channels: int, height: int, width: int) -> Tensor:
    return rows.view(-1, height, width, channels).permute(0, 3, 1, 2)


def _columns(last: Tensor) -> Tensor:
    """Lay out the 3 x 3 window of each position: (N, H, W, C) -> (N H W, 9 C)."""
    _, height, width, _ = last.shape
    padded = F.pad(last, (0, 0, 1, 1, 1, 1))
    taps = [padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return torch.cat(taps, 3).flatten(0, 2)


def _matrix(weight: Tensor, height: int, width: int) -> Tensor:
    """Write a convolution of a tiny map as a matrix of shape (H W F, H W C)."""
    f, c = weight.shape[:2]
    matrix = weight.new_empty(height, width, f, height, width, c)
    for y, x, v, u in torch.cartesian_prod(*map(torch.arange, 2 * (height, width))).tolist():
        # An output at (y, x) meets an input at (v, u) in the filter's (1 + v - y, 1 + u - x).
        matrix[y, x, :, v, u] = weight[:, :, 1 + v - y, 1 + u - x]
    return matrix.view(height * width * f, height * width * c)
