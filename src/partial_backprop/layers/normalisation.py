"""Batch normalisation with the sum and the rectifier behind it, in as few passes over memory as they need.

Forward: two reads and one write, and a read of the addend; backward: five reads and one write, and one more
write where there is an addend, whose gradient is that before the normalisation. Torch's own modules need
seven to eight passes each way. N: batch, C: channels, H, W: height and width.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from partial_backprop.layers import kernels

_PERIOD = 256  # numbers in an inner loop, about
_VECTOR = 32  # numbers of bfloat16 that a processor takes at once


class BatchNorm2d(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` with the same parameters and buffers, and what follows it."""

    # On a processor, in float32 or bfloat16, with one thread and channels last, kernels of our own run,
    # with torch's values to rounding; gradients can then be differentiated once. Everything else is
    # torch's.

    def __init__(self, num_features: int, *, rectify: bool = False, **options: Any) -> None:
        super().__init__(num_features, **options)
        self.rectify = rectify

    def forward(self, features: Tensor, addend: Tensor | None = None) -> Tensor:
        """Normalise, add, rectify."""
        if not self._has_kernel(features, addend):
            outputs = super().forward(features)
            outputs = outputs if addend is None else outputs + addend
            return F.relu(outputs) if self.rectify else outputs
        if self.training:
            self.num_batches_tracked.add_(1)
        return _Normalisation.apply(features, addend, self.weight, self.bias, self)[0]

    def beside(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Normalise, and return the input too, for another use of it."""
        if not self._has_kernel(features, None):
            return self(features), features
        if self.training:
            self.num_batches_tracked.add_(1)
        return _Normalisation.apply(features, None, self.weight, self.bias, self)

    def _has_kernel(self, features: Tensor, addend: Tensor | None) -> bool:
        tensors = [features] if addend is None else [features, addend]
        return (
            features.dim() == 4
            and features.shape[1] == self.num_features
            and self.affine
            and self.track_running_stats
            and self.momentum is not None
            and all(_fits(one, features) for one in tensors)
            and kernels.are_vectors(
                self.num_features, self.weight, self.bias, self.running_mean, self.running_var
            )
            and (not self.training or features.numel() > self.num_features)
            and kernels.are_there_for(*tensors, self.weight)
        )


class _Normalisation(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        addend: Tensor | None,
        weight: Tensor,
        bias: Tensor,
        module: BatchNorm2d,
    ) -> tuple[Tensor, Tensor]:
        sizes = _sizes(features)
        _, n_channels, period = sizes
        outputs = torch.empty_like(features)
        mean, inverse = torch.empty(2, n_channels, dtype=torch.float64)
        scratch = torch.empty(6 * period, dtype=torch.float64)
        kernels.call(
            kernels.of_type("batch_norm_forward", features), features, addend, outputs, weight, bias,
            module.running_mean, module.running_var, mean, inverse, scratch,
            float(module.momentum), float(module.eps), *sizes, module.training, module.rectify,
        )  # fmt: skip
        kept = outputs if module.rectify else None
        ctx.save_for_backward(
            features, weight, bias if addend is None else None, kept, mean, inverse
        )
        ctx.training = module.training
        ctx.set_materialize_grads(False)
        return outputs, features.view_as(features)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: Tensor | None, carried: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        if gradient is None:
            return carried, None, None, None, None
        features, weight, bias, outputs, mean, inverse = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        sizes = _sizes(features)
        stride = sizes[1]
        if carried is not None and _has_rows(carried):
            stride = carried.stride(3)
        elif carried is not None:
            # Not the stride that torch then names: of a map of one pixel that may be anything.
            carried = carried.contiguous(memory_format=torch.channels_last)
        # The addend's gradient is that before the rectifier.
        before = (
            torch.empty_like(gradient) if ctx.needs_input_grad[1] and outputs is not None else None
        )
        of_features = torch.empty_like(features) if ctx.needs_input_grad[0] else None
        of_weight, of_bias = torch.empty_like(weight), torch.empty_like(weight)
        scratch = torch.empty(6 * sizes[2], dtype=torch.float64)
        kernels.call(
            kernels.of_type("batch_norm_backward", features), gradient, outputs, features, before,
            of_features, weight, bias, of_weight, of_bias, mean, inverse, scratch, carried, stride, *sizes,
            ctx.training,
        )  # fmt: skip
        of_addend = (gradient if before is None else before) if ctx.needs_input_grad[1] else None
        return of_features, of_addend, of_weight, of_bias, None


def _has_rows(tensor: Tensor) -> bool:
    """Tell whether a tensor is a slice of the channels of one with channels last."""
    _, _, h, w = tensor.shape
    distance = tensor.stride(3)
    return tensor.stride() == (h * w * distance, 1, w * distance, distance)


def _sizes(features: Tensor) -> tuple[int, int, int]:
    """Return rows, channels and the length of an inner loop, a multiple of the channels."""
    n_channels = features.shape[1]
    repeats = max(1, _PERIOD // n_channels)
    if features.dtype == torch.bfloat16:
        whole = _VECTOR // math.gcd(_VECTOR, n_channels)  # channels, so often, fill vectors
        repeats = -(-repeats // whole) * whole
    return features.numel() // n_channels, n_channels, n_channels * repeats


def _fits(tensor: Tensor, features: Tensor) -> bool:
    return (
        tensor.dtype == features.dtype
        and features.dtype in (torch.float32, torch.bfloat16)
        and tensor.shape == features.shape
        and tensor.is_contiguous(memory_format=torch.channels_last)
    )
