"""Which weights stay active by a score: a share of them, or as many as fit into a number of bytes."""

import importlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from partial_backprop import registry
from partial_backprop.freezing.criterion import Criterion
from partial_backprop.mask import Mask


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


def select(
    scores: Mapping[str, Tensor],
    *,
    q: float | None,
    scope: str,
    budget: int | None,
    bytes_per_weight: int,
    keep: Iterable[str],
) -> Mask:
    """Keep the weights with the highest scores active."""
    check_share(q, scope, budget, bytes_per_weight, ("network", "layer", "row"))
    kept = [name for name in scores if any(text in name for text in keep)]
    ranked = {
        name: values.detach().to("cpu", torch.float32)
        for name, values in scores.items()
        if name not in kept
    }
    if not ranked:
        raise ValueError("there is nothing to rank: keep names every parameter")
    for name, values in ranked.items():
        if not bool(torch.isfinite(values).all()):
            raise ValueError(f"a score of {name!r} is NaN or infinite: no mask can be made of it")
    if scope == "network":
        together = torch.cat([values.flatten() for values in ranked.values()])
        n_frozen = number_of(q, len(together))
        if budget is not None:
            n_frozen = max(0, len(together) - budget // bytes_per_weight)
        parts = smallest(together, n_frozen).split([v.numel() for v in ranked.values()])
    elif scope == "layer":
        parts = [smallest(v.flatten(), number_of(q, v.numel())) for v in ranked.values()]
    else:
        parts = [_smallest_of_rows(v, q) for v in ranked.values()]
    frozen = dict(zip(ranked, parts, strict=True))
    active = {}
    for name, values in scores.items():
        if name in frozen:
            active[name] = ~frozen[name].view(values.shape).to(values.device)
        else:
            active[name] = torch.ones(values.shape, dtype=torch.bool, device=values.device)
    return Mask(active)


def check_share(
    q: float | None,
    scope: str,
    budget: int | None,
    bytes_per_weight: int,
    scopes: Iterable[str],
) -> None:
    """Refuse options that say nothing or contradict each other."""
    if (q is None) == (budget is None):
        raise ValueError("give either q, the share that is frozen, or budget, bytes for the rest")
    if q is not None and not 0 <= q <= 1:
        raise ValueError(f"q is a share from 0 to 1, got {q}")
    if scope not in scopes:
        raise ValueError(f"unknown scope {scope!r}: choose one of {', '.join(scopes)}")
    if budget is not None and scope != "network":
        raise ValueError("a budget is one of the whole network: leave scope out")
    if budget is not None and min(budget, bytes_per_weight - 1) < 0:
        raise ValueError(
            f"budget is a number of bytes from 0 up and bytes_per_weight one from 1 up, got {budget} "
            f"and {bytes_per_weight}"
        )


def number_of(q: float | None, n: int) -> int:
    """Round a share of some things to a whole number, halves up."""
    return 0 if q is None else math.floor(q * n + 0.5)


def smallest(values: Tensor, n: int) -> Tensor:
    """Mark the smallest values; of equal ones those that come first."""
    if n == 0:
        return torch.zeros_like(values, dtype=torch.bool)
    largest = values.kthvalue(n).values
    marked = values < largest
    ties = (values == largest).nonzero().flatten()
    marked[ties[: n - int(marked.sum())]] = True
    return marked


def _smallest_of_rows(values: Tensor, q: float | None) -> Tensor:
    rows = values.flatten(1) if values.dim() > 1 else values.reshape(1, -1)  # (rows, weights)
    order = rows.argsort(dim=1, stable=True)[:, : number_of(q, rows.shape[1])]
    return torch.zeros_like(rows, dtype=torch.bool).scatter_(1, order, True)
