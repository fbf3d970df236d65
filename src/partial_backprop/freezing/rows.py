"""Keep whole rows active: all weights of an output unit or filter, with its bias, by their mean score."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from partial_backprop.freezing.filters import of_rows, row_means
from partial_backprop.freezing.scores import check_share, lowest, score_of
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share


def mask(
    gradients: Mapping[str, Tensor],
    *,
    q: Share | None = None,
    scope: str = "network",
    budget: int | None = None,
    bytes_per_weight: int = 8,
    score: str = "gradient",
    keep: tuple[str, ...] = (),
) -> Mask:
    """Freeze the rows with the smallest mean scores.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name, with what the score needs (`criterion.Gradients`). What has two axes
        or more is a stack of rows along its first axis, or that of a transposed convolution's outputs.
    q : float, optional
        Share of the rows that is frozen, from 0 to 1.
    scope : {"network", "layer"}, default="network"
        Rank over the network, or within each layer.
    budget : int, optional
        In the place of `q`, over the network: bytes that the active rows may take, biases aside.
    bytes_per_weight : int, default=8
        Bytes that an active weight takes: at most 8 in a delta file.
    score : str, default="gradient"
        Criterion of which the score is taken; with ``gradient`` and `q` this is ``filters``.
    keep : tuple of str, default=()
        Parameters whose name contains one of these stay active whole, and are not counted.

    Returns
    -------
    Mask
        False where frozen; without a threshold. A bias follows its row; normalisations stay active.

    Raises
    ------
    ValueError
        If not exactly one of `q` and `budget` is given, an option is out of range, there are no rows, or
        there is no such score.

    References
    ----------
    H. Li et al., "Pruning filters for efficient ConvNets", ICLR 2017, with the sum of |w| over a filter:
    ``score="magnitude"`` within a layer.
    """
    check_share(q, scope, budget=budget, bytes_per_weight=bytes_per_weight)
    means = row_means(gradients, score_of(score, gradients).items(), keep)
    if not means:
        raise ValueError("there are no rows: no parameter that is ranked has two axes")
    frozen: Sequence[Tensor]
    if budget is not None:
        sizes = [gradients[name].numel() // len(mean) for name, mean in means.items()]
        frozen = _over_budget(list(means.values()), sizes, budget // bytes_per_weight)
    else:
        frozen, _ = lowest(list(means.values()), q, scope)
    return of_rows(gradients, dict(zip(means, frozen, strict=True)))


def _over_budget(means: list[Tensor], sizes: list[int], n_weights: int) -> tuple[Tensor, ...]:
    """Mark the rows that come after those which fit, best ones first."""
    together = torch.cat(means)
    lengths = [len(part) for part in means]
    size = torch.repeat_interleave(torch.tensor(sizes), torch.tensor(lengths))
    order = together.argsort(descending=True, stable=True)
    fits = size[order].cumsum(0) <= n_weights
    return (
        torch.ones_like(together, dtype=torch.bool)
        .index_fill_(0, order[fits], False)
        .split(lengths)
    )
