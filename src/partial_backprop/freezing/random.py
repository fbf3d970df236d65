"""Freeze at random: as many weights in each layer as another criterion would, drawn by seed."""

from collections.abc import Mapping

import torch
from torch import Tensor

from partial_backprop.freezing.criterion import as_callable
from partial_backprop.mask import Mask


def mask(gradients: Mapping[str, Tensor], *, like: dict, seed: int | None = None) -> Mask:
    """Freeze as many weights in each parameter tensor as another criterion, but drawn at random.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name; only the other criterion looks at their values.
    like : dict
        The other criterion: its ``name`` and options.
    seed : int, optional
        Seed of the draw. None stands for the seed of the run, which the recipe fills in.

    Returns
    -------
    Mask
        False where frozen; without a threshold.

    Raises
    ------
    ValueError
        If `seed` is None, or the other criterion refuses the gradients.
    UserError
        If `like` names no criterion, or has a wrong option.

    Notes
    -----
    Drawn on the CPU, tensor by tensor in the order of the mapping: the mask depends on the seed and
    the counts alone, not on the device.

    References
    ----------
    None: a control that pb2020 lacks. If it does as well as the paper's mask, the size of the
    gradient said nothing about which weights need an update.
    """
    if seed is None:
        raise ValueError("a random mask needs a seed: give criterion random a number as its seed")
    base = as_callable(like)(gradients)
    generator = torch.Generator("cpu").manual_seed(seed)
    active = {}
    for name, entries in base.items():
        order = torch.randperm(entries.numel(), generator=generator)
        drawn = torch.zeros(entries.numel(), dtype=torch.bool)
        drawn[order[: int(entries.sum())]] = True
        active[name] = drawn.view(entries.shape).to(entries.device)
    return Mask(active)
