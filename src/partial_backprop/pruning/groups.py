"""The group lasso by filters or by input channels, and its proximal operator.

O: units of a layer, I: units of the layer before, K: weights from one to another.
"""

import torch
from torch import Tensor

from partial_backprop.pruning.chain import Link

GROUPED = {"filters": (1, 2), "channels": (0, 2)}
"""What a group is -> axes of a weight of shape (O, I, K) that lie within a group."""


def _axes(by: str) -> tuple[int, int]:
    try:
        return GROUPED[by]
    except KeyError:
        raise ValueError(f"groups are by {' or '.join(GROUPED)}, got {by!r}") from None


def group_prox(blocks: Tensor, threshold: float, by: str) -> Tensor:
    """Apply the proximal operator of the group lasso."""
    # Shapes: blocks (O, I, K), result (O, I, K)
    # *Departures.* The source's script calls a sum of squares a group lasso. Without the root no
    # group is ever drawn to zero: the step only multiplies all weights by a factor below 1, and it
    # is the same for any grouping.
    # Source: pruning_logs, "Filter pruning and group lasso regularization"; Yuan and Lin, "Model
    # selection and estimation in regression with grouped variables", 2006
    if not threshold >= 0:
        raise ValueError(f"threshold must be 0 or more, got {threshold}")
    axes = _axes(by)
    if threshold == 0:
        return blocks.clone()
    norms = torch.linalg.vector_norm(blocks, dim=axes, keepdim=True)
    length = threshold * (blocks.numel() / norms.numel()) ** 0.5
    kept = norms > length
    # The inner choice keeps 0/0 out of what the outer one throws away.
    factor = torch.where(kept, 1 - length / torch.where(kept, norms, 1.0), 0.0)
    return torch.where(factor > 0, blocks * factor, 0.0)


def penalized(links: list[Link], by: str) -> list[Link]:
    """Choose the layers whose groups may become zero."""
    # *Departures.* The source's script penalizes convolutions. Most weights of its network are in
    # the hidden fully connected layer, so the units of that are groups here as well.
    _axes(by)
    return links[:-1] if by == "filters" else links[1:]
