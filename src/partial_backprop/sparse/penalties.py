"""The ℓ1 norm and the trimmed ℓ1 norm: a subgradient, and their proximal operators."""

import numpy as np

from partial_backprop.sparse.projection import smallest
from partial_backprop.sparse.squares import Array


def l1_subgradient(weights: Array, strength: float) -> Array:
    """Compute a subgradient of λ‖W‖₁.

    Parameters
    ----------
    weights : ndarray of shape (d,)
        W.
    strength : float
        Weight λ of the norm, from 0 up.

    Returns
    -------
    ndarray of shape (d,)
        The vector λ sign(W), with sign(0) = 0: at 0 any number from −λ to λ would do.

    References
    ----------
    Seed 003, Lab 1 (d).
    """
    return strength * np.sign(weights)


def soft_threshold(weights: Array, threshold: float) -> Array:
    """Apply the proximal operator of the ℓ1 norm.

    Parameters
    ----------
    weights : ndarray of shape (d,)
        W.
    threshold : float
        Threshold t, from 0 up: μλ for a descent at the rate μ.

    Returns
    -------
    ndarray of shape (d,)
        The Z with the smallest ½‖Z − W‖² + t‖Z‖₁: each element moves by t towards zero, and stays
        there where it arrives.

    References
    ----------
    Seed 003, Lab 1 (e).
    """
    return weights - np.clip(weights, -threshold, threshold)


def trimmed_soft_threshold(
    weights: Array, threshold: float, n_penalized: int, ties: str = "last"
) -> Array:
    """Apply the proximal operator of the trimmed ℓ1 norm.

    Parameters
    ----------
    weights : ndarray of shape (d,)
        W.
    threshold : float
        Threshold t, from 0 up: μλ for a descent at the rate μ.
    n_penalized : int
        How many elements of smallest magnitude the norm adds up, from 0 to d.
    ties : {"last", "first"}, default="last"
        Which of several equal magnitudes are spared.

    Returns
    -------
    ndarray of shape (d,)
        A Z with the smallest ½‖Z − W‖² + t T(Z), T(Z) being the sum of the `n_penalized` smallest
        magnitudes of Z: the soft threshold on the smallest elements of W, the others as they are.

    Raises
    ------
    ValueError
        If `n_penalized` is not between 0 and d, or `ties` is none of these.

    Notes
    -----
    What it costs to penalise a set of elements grows with the magnitude of each, so the cheapest set
    is that of the smallest ones. T is not convex, and where magnitudes are equal there are several
    minimisers, among which `ties` chooses.

    References
    ----------
    Seed 003, Lab 1 (f).
    """
    penalized = smallest(weights, n_penalized, ties)
    return np.where(penalized, soft_threshold(weights, threshold), weights)
