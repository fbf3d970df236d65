"""A linear quantizer with dynamic scaling, trained by the straight-through estimator (STE)."""

from typing import Any

import torch
from torch import Tensor

_MAX_BITS = 24
"""As many as a float32 can tell apart."""


def check_bits(bits: int) -> None:
    """Refuse a number of bits that means nothing."""
    if isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= _MAX_BITS:
        raise ValueError(f"bits must be a whole number from 1 to {_MAX_BITS}, got {bits!r}")


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, bits: int, keep_zeros: bool) -> Tensor:
        # float16 would overflow at 16 bits, and rounds the steps of fewer.
        values = weight.to(torch.promote_types(weight.dtype, torch.float32))
        beta, top = torch.aminmax(values)
        alpha = top - beta
        n_steps = 2**bits - 1
        # A constant tensor has no scale; with any but 0 all of it is at the lowest level.
        scaled = (values - beta) / torch.where(alpha == 0, 1, alpha)
        level = torch.round(scaled * n_steps) / n_steps
        quantized = torch.lerp(beta, top, level)
        if keep_zeros:
            quantized = quantized.masked_fill(weight == 0, 0)
        return quantized.to(weight.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient, None, None


def quantize(weight: Tensor, bits: int, *, keep_zeros: bool = True) -> Tensor:
    """Round a tensor to evenly spaced levels between its smallest and its largest value.

    Parameters
    ----------
    weight : Tensor of any shape
        Floating-point weights, at least one.
    bits : int
        From 1 to 24: there are 2^bits levels, the first at the minimum, the last at the maximum.
    keep_zeros : bool
        Whether a weight that is exactly 0, and counts as pruned, stays 0 even if that is no level.

    Returns
    -------
    Tensor of the same shape and type
        The values β + α · round((w − β)/α · (2^bits − 1))/(2^bits − 1), β = min w, α = max w − β;
        halves are rounded to even. The minimum and the maximum are returned exactly, a constant
        tensor as it is. Its gradient passes to `weight` unchanged, at the zeros too.

    Raises
    ------
    ValueError
        If `bits` is out of range.

    Notes
    -----
    Values are not looked at, since an accelerator would have to be waited for at every step: one
    NaN or infinity makes NaN of all but the zeros kept, and so of the loss.

    *Departures.* The listing computes ``alpha * R + beta``, which may miss the maximum by rounding;
    here the upper half is measured from the maximum (`torch.lerp`), which differs elsewhere by
    rounding only. The listing divides 0 by 0 in a constant tensor, and takes 0 bits for a tensor
    of zeros. ``keep_zeros`` is the listing's two lines "for the bonus part"; as there, pruned
    zeros still count for the minimum and the maximum.

    References
    ----------
    sparse_homework, Lab 3 (a), class ``STE``, and (d).
    """
    check_bits(bits)
    return _StraightThrough.apply(weight, bits, keep_zeros)
