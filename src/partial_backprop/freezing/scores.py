"""From scores to a mask: which weights have the lowest, and the parts of it that other criteria use."""

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from partial_backprop import registry
from partial_backprop.freezing.criterion import Criterion
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share

Score = Callable[..., dict[str, Tensor]]
Read = Callable[[Tensor], Tensor]
"""From a tensor to the values that are ranked, of its shape: float32 on the CPU, so that devices agree."""

_HALF = 16
"""Bits that one pass of `_kth_lowest` looks at."""


def by_score(
    score: Score,
    gradients: Mapping[str, Tensor],
    *,
    q: Share | None = None,
    scope: str = "network",
    budget: int | None = None,
    bytes_per_weight: int = 8,
    keep: tuple[str, ...] = (),
    **options: Any,
) -> Mask:
    """Freeze the weights with the lowest scores.

    What a configuration calls ``{name: snip, q: 0.9}`` is ``by_score(snip.score, gradients, q=0.9)``.

    Parameters
    ----------
    score : callable
        From gradients by parameter name to scores by parameter name, each of its parameter's shape.
    gradients : mapping of str to Tensor
        Gradients by parameter name, with what the score needs (`criterion.Gradients`).
    q : float, optional
        Share that is frozen, from 0 to 1, rounded to the nearest whole number of weights, halves up.
    scope : {"network", "layer", "row"}, default="network"
        Rank over the network, within each parameter tensor, or within all weights of each output.
    budget : int, optional
        In the place of `q`, over the network: bytes that the active weights may take.
    bytes_per_weight : int, default=8
        Bytes that an active weight takes: at most 8 in a delta file.
    keep : tuple of str, default=()
        Parameters whose name contains one of these stay active whole, and are not counted.
    **options
        Options of the score.

    Returns
    -------
    Mask
        False where frozen; without a threshold.

    Raises
    ------
    ValueError
        If not exactly one of `q` and `budget` is given, an option is out of range, a score is not finite,
        or the gradients lack what the score needs.

    Notes
    -----
    Of equal scores those freeze that come first in the order of the mapping and, within a tensor, of the
    index. Scores are ranked in single precision on the CPU, so that devices agree.
    """
    check_share(q, scope, ("network", "layer", "row"), budget, bytes_per_weight)
    scores = score(gradients, **options)
    ranked = {n: v for n, v in scores.items() if not any(text in n for text in keep)}
    if not ranked:
        raise ValueError("there is nothing to rank: keep names every parameter")
    for name, values in ranked.items():
        if not bool(torch.isfinite(values).all()):
            raise ValueError(f"a score of {name!r} is NaN or infinite: no mask can be made of it")
    parts = list(ranked.values())
    if scope == "row":
        frozen = [_lowest_of_rows(part, q) for part in parts]
    elif budget is not None:
        n_weights = sum(part.numel() for part in parts)
        frozen, _ = _lowest(parts, max(0, n_weights - budget // bytes_per_weight), single)
    else:
        frozen, _ = lowest(parts, q, scope)
    by_name = dict(zip(ranked, frozen, strict=True))
    active = {}
    for name, values in scores.items():
        entries = by_name.get(name, torch.zeros(values.shape, dtype=torch.bool))
        active[name] = ~entries.to(values.device)
    return Mask(active)


def known(gradients: Mapping[str, Tensor], what: str) -> Mapping[str, Any]:
    """Return what is known beside the gradients."""
    found = getattr(gradients, what, None)
    if found is None:
        raise ValueError(
            f"this criterion needs {what} beside the gradients: use it in PartialBackprop, or give it "
            f"criterion.Gradients with {what}"
        )
    return found


def score_of(name: str, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Score weights as a criterion does."""
    if name not in registry.names("freezing") or not hasattr(_module(name), "score"):
        names = (one for one in registry.names("freezing") if hasattr(_module(one), "score"))
        raise ValueError(f"unknown score {name!r}: choose one of {', '.join(names)}")
    return _module(name).score(gradients)


def needs_of(criterion: Criterion | str | Mapping[str, Any]) -> frozenset[str]:
    """Tell what a criterion needs that has to be gathered while batches go through the network."""
    if callable(criterion):
        return frozenset(getattr(criterion, "needs", ()))
    options = {"name": criterion} if isinstance(criterion, str) else dict(criterion)
    needs = set(getattr(_module(options["name"]), "NEEDS", ()))
    if options.get("score") in registry.names("freezing"):
        needs |= needs_of(options["score"])
    for value in options.values():
        if isinstance(value, Mapping) and "name" in value:
            needs |= needs_of(value)
    return frozenset(needs)


def _module(name: str) -> Any:
    registry.source("freezing", name)
    return importlib.import_module(f"partial_backprop.freezing.{name}")


def check_share(
    q: float | None,
    scope: str,
    scopes: Sequence[str] = ("network", "layer"),
    budget: int | None = None,
    bytes_per_weight: int = 8,
) -> None:
    """Refuse options that are out of range, contradict each other, or are missing."""
    if (q is None) == (budget is None):
        raise ValueError("give either q, the share that is frozen, or budget, bytes for the rest")
    if q is not None and not 0 <= q <= 1:
        raise ValueError(f"q is a share from 0 to 1, got {q}")
    if scope not in scopes:
        choices = f"{', '.join(scopes[:-1])} or {scopes[-1]}"
        raise ValueError(f"unknown scope {scope!r}: choose {choices}")
    if budget is not None and scope != "network":
        raise ValueError("a budget is one of the whole network: leave scope out")
    if budget is not None and min(budget, bytes_per_weight - 1) < 0:
        raise ValueError(
            f"budget is a number of bytes from 0 up and bytes_per_weight one from 1 up, got {budget} "
            f"and {bytes_per_weight}"
        )


def single(values: Tensor) -> Tensor:
    """Bring values to single precision on the CPU, in torch's default order in memory."""
    return values.detach().to("cpu", torch.float32).contiguous()


def lowest(
    parts: Sequence[Tensor], q: float, scope: str, read: Read = single
) -> tuple[list[Tensor], float | None]:
    """Mark a share of the values, the lowest; with scope network, return the highest of these too."""
    if scope == "layer":
        return [_lowest([part], _number_of(q, part.numel()), read)[0][0] for part in parts], None
    return _lowest(parts, _number_of(q, sum(part.numel() for part in parts)), read)


def _number_of(q: float, n: int) -> int:
    return math.floor(q * n + 0.5)


def _lowest(parts: Sequence[Tensor], n: int, read: Read) -> tuple[list[Tensor], float | None]:
    """Mark the `n` lowest values, of equal ones those that come first; and return the highest of these."""
    if n == 0:
        return [torch.zeros(part.shape, dtype=torch.bool) for part in parts], None
    highest = _kth_lowest(parts, n, read)
    marked = [read(part) < highest for part in parts]
    left = n - sum(int(entries.sum()) for entries in marked)
    for entries, part in zip(marked, parts, strict=True):
        ties = (read(part) == highest).flatten().nonzero().flatten()[:left]
        entries.view(-1)[ties] = True
        left -= len(ties)
    return marked, highest


def _lowest_of_rows(part: Tensor, q: float) -> Tensor:
    values = single(part)
    rows = values.flatten(1) if values.dim() > 1 else values.reshape(1, -1)  # (rows, weights)
    order = rows.argsort(dim=1, stable=True)[:, : _number_of(q, rows.shape[1])]
    return torch.zeros_like(rows, dtype=torch.bool).scatter_(1, order, True).view(values.shape)


# The bits of floats from 0 up, read as integers, are ordered as the numbers are; below 0 they are ordered the
# other way round. The first pass counts by the upper half of the bits, the second one by the lower half where
# the upper is right: that takes no copy of all values, as sorting them would.
def _kth_lowest(parts: Sequence[Tensor], k: int, read: Read) -> float:
    """Find the k-th lowest value, from 1."""
    upper = _counts(parts, None, read)
    high = int(np.searchsorted(np.cumsum(upper), k))
    lower = _counts(parts, high, read)
    low = int(np.searchsorted(np.cumsum(lower), k - int(upper[:high].sum())))
    rank = np.uint32(high << _HALF | low)
    return float((rank ^ _flip(~rank)).view(np.float32))


def _counts(parts: Sequence[Tensor], high: int | None, read: Read) -> NDArray[np.int64]:
    counts = np.zeros(1 << _HALF, np.int64)
    for part in parts:
        for chunk in read(part).flatten().split(1 << 20):
            bits = chunk.numpy().view(np.uint32)
            ranks = bits ^ _flip(bits)
            halves = ranks >> _HALF
            if high is not None:
                halves = ranks[halves == high] & ((1 << _HALF) - 1)
            counts += np.bincount(halves, minlength=len(counts))
    return counts


def _flip(bits: Any) -> Any:
    """Bits to flip so that integers are ordered as floats: the sign's, or all of a number below 0."""
    return (bits.view(np.int32) >> 31).view(np.uint32) | np.uint32(1 << 31)
