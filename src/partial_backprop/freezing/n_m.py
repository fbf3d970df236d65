"""Keep N of every M weights of an output active, those with the highest scores."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from partial_backprop.freezing.scores import score_of
from partial_backprop.mask import Mask


def mask(gradients: Mapping[str, Tensor], *, n: int, m: int, score: str = "gradient") -> Mask:
    """Freeze all but N of every M weights that follow each other along the inputs.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name, with what the score needs (`criterion.Gradients`).
    n, m : int
        How many of how many stay active: 1 <= `n` <= `m`.
    score : str, default="gradient"
        Criterion of which the score is taken.

    Returns
    -------
    Mask
        False where frozen; without a threshold.

    Raises
    ------
    ValueError
        If `n` or `m` is out of range, or there is no such score.

    Notes
    -----
    Groups run along the second axis, the inputs, for each output and each place of a kernel. Where the
    inputs are no multiple of `m`, the last group is smaller and keeps up to `n`. Vectors (biases,
    normalisations) stay active. Of equal scores those freeze that come first.

    References
    ----------
    A. Zhou et al., "Learning N:M fine-grained structured sparse neural networks from scratch", ICLR 2021;
    which weights of a group they keep is |w|: ``score="magnitude"``.
    """
    if not 1 <= n <= m:
        raise ValueError(f"n:m needs 1 <= n <= m, got {n}:{m}")
    scores = score_of(score, gradients)
    return Mask({name: _active(values, n, m) for name, values in scores.items()})


def _active(scores: Tensor, n: int, m: int) -> Tensor:
    if scores.dim() < 2:
        return torch.ones(scores.shape, dtype=torch.bool, device=scores.device)
    last = scores.detach().to("cpu", torch.float32).movedim(1, -1)  # (outputs, ..., inputs)
    n_inputs = last.shape[-1]
    groups = F.pad(last, (0, -n_inputs % m), value=-torch.inf).unflatten(-1, (-1, m))
    order = groups.argsort(dim=-1, stable=True)
    active = torch.zeros_like(groups, dtype=torch.bool).scatter_(-1, order[..., m - n :], True)
    return active.flatten(-2)[..., :n_inputs].movedim(-1, 1).to(scores.device).contiguous()
