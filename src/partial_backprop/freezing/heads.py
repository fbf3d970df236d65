"""Keep whole attention heads active, by the mean score of their weights."""

from collections.abc import Mapping

import torch
from torch import Tensor

from partial_backprop.freezing.scores import check_share, known, lowest, score_of
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share


def mask(
    gradients: Mapping[str, Tensor],
    *,
    q: Share,
    scope: str = "network",
    score: str = "gradient",
    others: bool = False,
) -> Mask:
    """Freeze the attention heads with the smallest mean scores.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name, with the heads and what the score needs (`criterion.Gradients`).
    q : float
        Share of the heads that is frozen, from 0 to 1.
    scope : {"network", "layer"}, default="network"
        Rank over the network, or within each attention layer.
    score : str, default="gradient"
        Criterion of which the score is taken.
    others : bool, default=False
        Whether parameters that belong to no head stay active.

    Returns
    -------
    Mask
        False where frozen; without a threshold.

    Raises
    ------
    ValueError
        If an option is out of range, the network has no attention heads, or there is no such score.

    Notes
    -----
    A head is its rows of the projections of queries, keys and values, their biases, and its columns of the
    projection behind it, in ``nn.MultiheadAttention`` and in modules that name them as
    `gathering.attention_heads` tells.

    References
    ----------
    P. Michel, O. Levy and G. Neubig, "Are sixteen heads really better than one?", NeurIPS 2019, whose
    importance of a head is close to ``score="snip"``.
    """
    check_share(q, scope)
    slices = {n: one for n, one in known(gradients, "heads").items() if n in gradients}
    if not slices:
        raise ValueError("there are no attention heads: no module of the network has any")
    scores = score_of(score, gradients)
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    for name, one in slices.items():
        by_head = one.split(scores[name].detach().to("cpu", torch.float32))
        sums[one.layer] = sums.get(one.layer, 0) + by_head.sum(1)
        counts[one.layer] = counts.get(one.layer, 0) + by_head.shape[1]
    means = [total / counts[layer] for layer, total in sums.items()]
    frozen, _ = lowest(means, q, scope)
    active = {layer: ~part for layer, part in zip(sums, frozen, strict=True)}
    found = {}
    for name, gradient in gradients.items():
        if name in slices:
            entries = slices[name].spread(active[slices[name].layer], gradient.shape)
        else:
            entries = torch.full(gradient.shape, others, dtype=torch.bool)
        found[name] = entries.to(gradient.device)
    return Mask(found)
