"""Freeze whole output filters: those whose gradients are small on average."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from partial_backprop import registry
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share


def mask(
    gradients: Mapping[str, Tensor],
    *,
    q: Share | None = None,
    scope: str = "network",
    like: dict | None = None,
) -> Mask:
    """Freeze the output filters with the smallest mean gradient magnitudes.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name. What has two axes or more is a stack of filters along its first
        axis: of a convolution the output filters, of a linear layer the units (rows). Weights of
        transposed convolutions, which `criterion.Gradients` tells, have their output filters along
        the second axis, within each group of the first.
    q : float, optional
        Share of the filters that is frozen, from 0 to 1, rounded to the nearest whole number, halves
        up.
    scope : {"network", "layer"}, default="network"
        With `q`: rank over the whole network, or within each layer.
    like : dict, optional
        Another criterion, its ``name`` and options, that has one threshold (``fixed``, ``otsu_kde``,
        ``quantile`` over the network): a filter freezes where its mean is at most that threshold.

    Returns
    -------
    Mask
        False where frozen; its threshold is one on the means, and None with ``layer``.

    Raises
    ------
    ValueError
        If not exactly one of `q` and `like` is given, `q` or `scope` is out of range, there are no
        filters, a gradient is not finite, or the other criterion has no threshold.
    UserError
        If `like` names no criterion, or has a wrong option.

    Notes
    -----
    A bias follows its filter: ``conv.bias`` freezes where ``conv.weight`` does. Normalisations stay
    active, since their parameters belong to a channel and not to a filter, and are few. Of equal
    means at the threshold, those freeze that come first. Ranked over the network, filters of layers
    with many inputs freeze first, where single gradients are small.

    References
    ----------
    None: seed 001 freezes single weights, which saves no computation.
    """
    if (q is None) == (like is None):
        raise ValueError(
            "give either q, the share of filters, or like, a criterion with a threshold"
        )
    if q is not None and not 0 <= q <= 1:
        raise ValueError(f"q is a share from 0 to 1, got {q}")
    if scope not in ("network", "layer"):
        raise ValueError(f"unknown scope {scope!r}: choose network or layer")
    groups = getattr(gradients, "transposed", {})
    means = {
        name: row_means(gradient.detach().abs(), groups.get(name))
        for name, gradient in gradients.items()
        if gradient.dim() >= 2
    }
    if not means:
        raise ValueError("there are no filters: no gradient has two axes")
    values = torch.cat(list(means.values()))
    if not bool(torch.isfinite(values).all()):
        raise ValueError("a gradient is NaN or infinite: no mask can be made of it")
    parts = values.split([len(mean) for mean in means.values()])
    threshold = None
    if like is not None:
        threshold = _threshold(gradients, like)
        parts = [part <= threshold for part in parts]
    elif scope == "layer":
        parts = [_smallest(part, q)[0] for part in parts]
    else:
        frozen, threshold = _smallest(values, q)
        parts = frozen.split([len(part) for part in parts])
    rows = {name: ~part for name, part in zip(means, parts, strict=True)}
    return Mask(
        {name: spread_rows(name, gradient, rows, groups) for name, gradient in gradients.items()},
        threshold=threshold,
    )


def _smallest(values: Tensor, share: float) -> tuple[Tensor, float | None]:
    order = values.argsort(stable=True)[: math.floor(share * len(values) + 0.5)]
    frozen = torch.zeros_like(values, dtype=torch.bool)
    frozen[order] = True
    return frozen, float(values[order[-1]]) if len(order) else None


def _threshold(gradients: Mapping[str, Tensor], like: dict) -> float:
    options = registry.resolve("freezing", like)
    name = options.pop("name")
    threshold = registry.load("freezing", name)(gradients, **options).threshold
    if threshold is None:
        raise ValueError(f"criterion {name!r} has no threshold over the network here")
    return threshold


def row_means(values: Tensor, groups: int | None) -> Tensor:
    """Compute the mean over each output filter.

    Parameters
    ----------
    values : Tensor of two axes or more
        A number for each weight.
    groups : int, optional
        Of a transposed convolution.

    Returns
    -------
    Tensor of shape (filters,)
        Means, on the CPU.
    """
    sizes = values.to("cpu", torch.float32)
    if groups is not None:  # (groups · inputs, outputs, ...) -> (groups · outputs, ...)
        sizes = sizes.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)
    return sizes.flatten(1).mean(1)


def spread_rows(
    name: str, gradient: Tensor, rows: Mapping[str, Tensor], groups: Mapping[str, int]
) -> Tensor:
    """Write each filter's verdict to all its weights, or to its bias.

    Parameters
    ----------
    name : str
        Of a parameter.
    gradient : Tensor
        Its gradient.
    rows : mapping of str to Tensor
        Parameter name -> which of its filters are active.
    groups : mapping of str to int
        Those of transposed convolutions.

    Returns
    -------
    Tensor of bool
        Which entries are active; all where the parameter belongs to no filter.
    """
    if name in rows:
        active = rows[name].to(gradient.device)
        if name in groups:
            inputs = gradient.shape[0] // groups[name]
            active = active.view(groups[name], -1).repeat_interleave(inputs, 0)
        active = active.view(*active.shape, *[1] * (gradient.dim() - active.dim()))
        return active.expand(gradient.shape).clone()
    weight = f"{name.removesuffix('bias')}weight"
    if name.endswith("bias") and weight in rows and rows[weight].shape == gradient.shape:
        return rows[weight].to(gradient.device)
    return torch.ones_like(gradient, dtype=torch.bool)
