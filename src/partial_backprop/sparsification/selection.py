"""Which of some gradients to zero: the smallest, by a threshold, or as many at random.

Shapes: n gradients in one vector.
"""

import math

import torch
from torch import Tensor


def n_to_zero(n_all: int, n_eligible: int, share: float) -> int:
    """Count the gradients to be zeroed in a step.

    Parameters
    ----------
    n_all : int
        Number that the share is of: all gradients, those that are kept whole included.
    n_eligible : int
        How many may be zeroed.
    share : float
        From 0 to 1.

    Returns
    -------
    int
        `share` of `n_all`, rounded to the nearest whole number, halves up.

    Raises
    ------
    ValueError
        If the share is out of range, or more than may be zeroed.

    References
    ----------
    Seed 000: "552874 * 0.4 = 221150 (how many gradients are zeroed)".
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, got {share}")
    n = math.floor(share * n_all + 0.5)
    if n > n_eligible:
        raise ValueError(
            f"share {share:g} of {n_all:,} gradients is {n:,}, but only {n_eligible:,} may be zeroed"
        )
    return n


def threshold(magnitudes: Tensor, n: int) -> Tensor:
    """Find the threshold below which the smallest gradients lie.

    Parameters
    ----------
    magnitudes : Tensor of shape (n_eligible,)
        Absolute values.
    n : int
        How many to zero, from 1.

    Returns
    -------
    Tensor of shape ()
        The n-th smallest of them, on their device.

    Raises
    ------
    ValueError
        If there are fewer than `n` magnitudes, or `n` is not positive.
    """
    if not 1 <= n <= magnitudes.numel():
        raise ValueError(f"n must be from 1 to {magnitudes.numel()}, got {n}")
    return torch.kthvalue(magnitudes, n).values


def within(gradients: Tensor, limit: Tensor | float) -> Tensor:
    """Mark the gradients in [−limit, limit].

    Parameters
    ----------
    gradients : Tensor of shape (n,)
        Signed values.
    limit : Tensor of shape () or float
        From `threshold`.

    Returns
    -------
    Tensor of bool, of shape (n,)
        True where a gradient is to be zeroed; both ends belong to it. With the n-th smallest
        magnitude as limit these are exactly n, or more where the next magnitudes equal it. What is
        zero already counts among them.

    References
    ----------
    Seed 000: "thresholding_spars, [-th1,th1]".
    """
    return gradients.abs() <= limit


def drawn(n_eligible: int, n: int, generator: torch.Generator) -> Tensor:
    """Mark as many gradients at random.

    Parameters
    ----------
    n_eligible : int
        How many may be zeroed.
    n : int
        How many to zero, from 0 to `n_eligible`.
    generator : torch.Generator
        On the CPU; every device gets the same.

    Returns
    -------
    Tensor of bool, of shape (n_eligible,)
        True for exactly `n` of them, on the CPU; each set of n is equally likely, whatever the layer.

    Raises
    ------
    ValueError
        If `n` is out of range.

    References
    ----------
    None: a control that the seed lacks.
    """
    if not 0 <= n <= n_eligible:
        raise ValueError(f"n must be from 0 to {n_eligible}, got {n}")
    chosen = torch.zeros(n_eligible, dtype=torch.bool)
    chosen[torch.randperm(n_eligible, generator=generator)[:n]] = True
    return chosen
