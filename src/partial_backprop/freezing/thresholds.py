"""Thresholds on gradient magnitudes: their units, and how they split weights in two."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from partial_backprop.freezing.density import Density, kde
from partial_backprop.freezing.otsu import OtsuKde, otsu, otsu_kde
from partial_backprop.mask import Mask

__all__ = ["Density", "OtsuKde", "Threshold", "kde", "magnitudes", "otsu", "otsu_kde", "split"]


@dataclass(frozen=True)
class Threshold:
    """A threshold on gradient magnitudes that carries its scale.

    Parameters
    ----------
    raw : float
        Magnitude in the units of ``parameter.grad``; not negative.
    learning_rate : float, default=0.001
        What the paper divides by.

    Notes
    -----
    *Departures.* The paper divides by the learning rate "to obtain the original gradient (non-scaled
    by the learning rate)". Gradients from autograd carry no learning rate, so the division only
    changes the unit: 0.45 in the listing is a raw 4.5e-4.

    References
    ----------
    Seed 001, section 3.1 and the listing's ``zeroGrad``.
    """

    raw: float
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        """Hold the numbers to their ranges."""
        if not 0 <= self.raw < math.inf:
            raise ValueError(f"a threshold must be a finite number from 0 up, got {self.raw}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be positive and finite, got {self.learning_rate}")

    @classmethod
    def from_paper(cls, value: float, learning_rate: float = 1e-3) -> "Threshold":
        """Read a threshold in the paper's units.

        Parameters
        ----------
        value : float
            Magnitude divided by the learning rate.
        learning_rate : float, default=0.001
            That learning rate.

        Returns
        -------
        Threshold
            The same threshold, in raw units.
        """
        return cls(value * learning_rate, learning_rate)

    @property
    def paper(self) -> float:
        """Magnitude in the paper's units, |g| / learning rate."""
        return self.raw / self.learning_rate


def magnitudes(gradients: Mapping[str, Tensor]) -> Tensor:
    """Gather the magnitudes of all gradients in one vector.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name.

    Returns
    -------
    Tensor of shape (n,)
        |g| on the CPU as float32, in the order of the mapping. What is computed from it does not
        depend on the device of the gradients.

    Raises
    ------
    ValueError
        If there are no gradients, or one is NaN or infinite.
    """
    if not any(gradient.numel() for gradient in gradients.values()):
        raise ValueError("there are no gradients: call backward() first")
    parts = [g.detach().to("cpu", torch.float32).flatten() for g in gradients.values()]
    values = torch.cat(parts).abs_()
    if not bool(torch.isfinite(values.max())):
        raise ValueError("a gradient is NaN or infinite: no mask can be made of it")
    return values


def split(gradients: Mapping[str, Tensor], threshold: float, frozen: str = "at_or_below") -> Mask:
    """Split weights by the magnitude of their gradients.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name.
    threshold : float
        Raw magnitude, rounded to the gradients' own precision in the comparison.
    frozen : {"at_or_below", "below", "above"}, default="at_or_below"
        Side of the threshold that is frozen: ``<=`` as in the listing, ``<`` as in the prose, or
        ``>``, the opposite of the paper's method, as a control.

    Returns
    -------
    Mask
        True where the weight stays active.

    Raises
    ------
    ValueError
        If `frozen` is none of these, or there are no gradients.
    """
    if not gradients:
        raise ValueError("there are no gradients: call backward() first")
    active = {
        "at_or_below": lambda size: ~(size <= threshold),
        "below": lambda size: ~(size < threshold),
        "above": lambda size: ~(size > threshold),
    }
    if frozen not in active:
        raise ValueError(f"frozen must be one of {', '.join(active)}, got {frozen!r}")
    entries = {name: active[frozen](g.detach().abs()) for name, g in gradients.items()}
    return Mask(entries, threshold=threshold)
