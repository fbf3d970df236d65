"""Freeze the largest gradients: as many weights in each layer as another criterion would."""

from collections.abc import Mapping

import torch
from torch import Tensor

from partial_backprop.freezing.criterion import as_callable
from partial_backprop.mask import Mask


def mask(gradients: Mapping[str, Tensor], *, like: dict) -> Mask:
    """Freeze as many weights in each parameter tensor as another criterion: the largest gradients.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name.
    like : dict
        The other criterion: its ``name`` and options.

    Returns
    -------
    Mask
        False where frozen; without a threshold.

    Raises
    ------
    ValueError
        If the other criterion refuses the gradients.
    UserError
        If `like` names no criterion, or has a wrong option.

    Notes
    -----
    Of equal magnitudes those freeze that come first. Ranking is done on the CPU, so that devices agree.

    References
    ----------
    None: a control that pb2020 lacks, the opposite of its method at the same share of each layer. If
    it does as well as the paper's mask, a small gradient is no reason to freeze a weight.
    """
    base = as_callable(like)(gradients)
    active = {}
    for name, entries in base.items():
        magnitudes = gradients[name].detach().cpu().abs().flatten()
        order = torch.sort(magnitudes, descending=True, stable=True).indices
        kept = torch.ones(entries.numel(), dtype=torch.bool)
        kept[order[: entries.numel() - int(entries.sum())]] = False
        active[name] = kept.view(entries.shape).to(entries.device)
    return Mask(active)
