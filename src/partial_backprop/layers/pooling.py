"""Max-pooling of 2 x 2 with the rectifier behind it, in one pass each way. N: batch, C: channels."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from partial_backprop.layers import kernels


class MaxPool2d(nn.MaxPool2d):
    """``nn.MaxPool2d(2)``, and a rectifier behind it."""

    # On a processor, in float32 or bfloat16, with one thread, channels last and even sides, a kernel of our
    # own keeps one byte per output for the backward pass, where torch keeps eight; same values and
    # gradients. A gradient can then be differentiated once. Everything else is torch's.

    def __init__(self, *, rectify: bool = False) -> None:
        super().__init__(2)
        self.rectify = rectify

    def forward(self, features: Tensor) -> Tensor:
        """Pool and rectify."""
        if (
            features.dim() == 4
            and features.dtype in (torch.float32, torch.bfloat16)
            and features.is_contiguous(memory_format=torch.channels_last)
            and features.shape[2] % 2 == features.shape[3] % 2 == 0
            and features.numel() > 0
            and kernels.are_there_for(features)
        ):
            return _MaxPool.apply(features, self.rectify)
        outputs = super().forward(features)
        return F.relu(outputs) if self.rectify else outputs


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, rectify: bool) -> Tensor:
        n, c, h, w = features.shape
        outputs = torch.empty_like(
            features[:, :, : h // 2, : w // 2], memory_format=torch.channels_last
        )
        which = torch.empty_like(outputs, dtype=torch.uint8)
        kernels.call(
            kernels.of_type("max_pool_forward", features),
            features,
            outputs,
            which,
            n,
            h,
            w,
            c,
            rectify,
        )
        ctx.save_for_backward(which)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (which,) = ctx.saved_tensors
        n, c, h, w = which.shape
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_features = gradient.new_empty(n, 2 * h, 2 * w, c).permute(0, 3, 1, 2)
        kernels.call(
            kernels.of_type("max_pool_backward", gradient),
            gradient,
            which,
            of_features,
            n,
            2 * h,
            2 * w,
            c,
        )
        return of_features, None
