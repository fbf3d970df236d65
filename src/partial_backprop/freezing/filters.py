"""Freeze whole output filters: those whose gradients are small on average."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from partial_backprop.freezing.criterion import as_callable
from partial_backprop.freezing.scores import check_share, lowest
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
    None: pb2020 freezes single weights, which saves no computation.
    """
    if (q is None) == (like is None):
        raise ValueError(
            "give either q, the share of filters, or like, a criterion with a threshold"
        )
    check_share(0 if q is None else q, scope)
    magnitudes = ((name, g.detach().abs()) for name, g in gradients.items() if g.dim() >= 2)
    means = row_means(gradients, magnitudes)
    if not means:
        raise ValueError("there are no filters: no gradient has two axes")
    parts = list(means.values())
    if not all(bool(torch.isfinite(part).all()) for part in parts):
        raise ValueError("a gradient is NaN or infinite: no mask can be made of it")
    if like is None:
        frozen, threshold = lowest(parts, q, scope)
    else:
        threshold = getattr(as_callable(like)(gradients), "threshold", None)
        if threshold is None:
            raise ValueError(f"criterion {like['name']!r} has no threshold over the network here")
        frozen = [part <= threshold for part in parts]
    return of_rows(gradients, dict(zip(means, frozen, strict=True)), threshold)


def row_means(
    gradients: Mapping[str, Tensor], scores: Iterable[tuple[str, Tensor]], keep: Iterable[str] = ()
) -> dict[str, Tensor]:
    """Compute the mean score of each row, on the CPU; what has one axis or is to be kept has no rows."""
    groups = getattr(gradients, "transposed", {})
    means = {}
    for name, values in scores:
        if values.dim() >= 2 and not any(text in name for text in keep):
            sizes = values.detach().to("cpu", torch.float32)
            if name in groups:  # (groups · inputs, outputs, ...) -> (groups · outputs, ...)
                sizes = sizes.unflatten(0, (groups[name], -1)).transpose(1, 2).flatten(0, 1)
            means[name] = sizes.flatten(1).mean(1)
    return means


def of_rows(
    gradients: Mapping[str, Tensor], frozen: Mapping[str, Tensor], threshold: float | None = None
) -> Mask:
    """Freeze all weights of the rows that are frozen, and their biases."""
    groups = getattr(gradients, "transposed", {})
    active = {name: ~rows for name, rows in frozen.items()}
    entries = {name: _spread(name, g, active, groups) for name, g in gradients.items()}
    return Mask(entries, threshold=threshold)


def _spread(
    name: str, gradient: Tensor, rows: Mapping[str, Tensor], groups: Mapping[str, int]
) -> Tensor:
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
