"""Which of some gradients to zero: the smallest, by a threshold, or as many at random.

Shapes: n gradients in one vector.
"""

import math

import torch
from torch import Tensor


def n_to_zero(n_all: int, n_eligible: int, share: float) -> int:
    """Count the gradients to be zeroed in a step."""
    # Source: gradient_notes: "552874 * 0.4 = 221150 (how many gradients are zeroed)"
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, got {share}")
    n = math.floor(share * n_all + 0.5)
    if n > n_eligible:
        raise ValueError(
            f"share {share:g} of {n_all:,} gradients is {n:,}, but only {n_eligible:,} may be zeroed"
        )
    return n


def threshold(magnitudes: Tensor, n: int) -> Tensor:
    """Find the threshold below which the smallest gradients lie."""
    # Shapes: magnitudes (n_eligible,), result ()
    if not 1 <= n <= magnitudes.numel():
        raise ValueError(f"n must be from 1 to {magnitudes.numel()}, got {n}")
    return torch.kthvalue(magnitudes, n).values


def within(gradients: Tensor, limit: Tensor | float) -> Tensor:
    """Mark the gradients in [−limit, limit]."""
    # Shapes: gradients (n,), limit (), result (n,)
    # Source: gradient_notes: "thresholding_spars, [-th1,th1]"
    return gradients.abs() <= limit


def drawn(n_eligible: int, n: int, generator: torch.Generator) -> Tensor:
    """Mark as many gradients at random."""
    # Shapes: result (n_eligible,)
    # Source: None: a control that the seed lacks
    if not 0 <= n <= n_eligible:
        raise ValueError(f"n must be from 0 to {n_eligible}, got {n}")
    chosen = torch.zeros(n_eligible, dtype=torch.bool)
    chosen[torch.randperm(n_eligible, generator=generator)[:n]] = True
    return chosen
