"""Measure how far weights went after the mask's epoch, by the magnitude of their gradient then."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from partial_backprop.measurements import movement
from partial_backprop.measurements.movement import BatchMovement, Bin, MovementReport

N_BATCHES = 5
"""Batches of the mask's epoch: the one that makes the mask, and those after it."""

PER_DECADE = 4
"""Bins of all weights; layers have half as many."""

LOWEST, HIGHEST = -12, 4
"""Powers of ten between which the bins lie."""

MAX_RANKED = 2_000_000
"""Weights of which a rank correlation is computed, at most."""

_ZERO = -1


def measure(
    start: Mapping[str, Tensor],
    end: Mapping[str, Tensor],
    gradients: Iterable[Mapping[str, Tensor]],
    *,
    epoch: int,
    batch_size: int,
) -> tuple[MovementReport, bytes]:
    """Bin the distances of weights by the magnitude of their gradients."""
    moved = {name: _distance(end[name], value) for name, value in start.items()}
    batches, layers = [], []
    for number, found in enumerate(gradients):
        sizes = {
            name: g.detach().abs().float().cpu().flatten().numpy() for name, g in found.items()
        }
        for name, size in sizes.items():
            for one in _bins(_numbers(size), moved[name], 2):
                row = {"batch": number, "layer": name, **one.model_dump(exclude={"quantiles"})}
                layers.append(row | dict(zip(movement.COLUMNS[6:], one.quantiles, strict=True)))
        size, distance = (np.concatenate([one[name] for name in sizes]) for one in (sizes, moved))
        correlation, n_ranked = _rank_correlation(size, distance)
        batches.append(
            BatchMovement(
                batch=number,
                bins=tuple(_bins(_numbers(size), distance, 1)),
                rank_correlation=correlation,
                n_ranked=n_ranked,
            )
        )
    content, sha256 = movement.pack(pd.DataFrame(layers, columns=list(movement.COLUMNS)))
    report = MovementReport(
        epoch=epoch, batch_size=batch_size, batches=tuple(batches), sha256=sha256
    )
    return report, content


def _distance(end: Tensor, start: Tensor) -> np.ndarray:
    with torch.no_grad():
        return (end.double() - start.double()).abs().float().cpu().flatten().numpy()


def _numbers(size: np.ndarray) -> np.ndarray:
    """Number of each magnitude's bin, from 0; `_ZERO` for a magnitude of 0."""
    n_bins = (HIGHEST - LOWEST) * PER_DECADE
    with np.errstate(divide="ignore"):
        found = np.ceil((np.log10(size) - LOWEST) * PER_DECADE) - 1
    return np.where(size == 0, _ZERO, np.clip(found, 0, n_bins - 1)).astype(np.int16)


def _bins(numbers: np.ndarray, distance: np.ndarray, merged: int) -> Iterator[Bin]:
    """Summarize the bins that are not empty, `merged` neighbours as one."""
    numbers = np.where(numbers == _ZERO, _ZERO, numbers // merged)
    for number in np.unique(numbers):
        chosen = distance[numbers == number]
        edges = (0.0, 0.0)
        if number != _ZERO:
            powers = (LOWEST + (number + step) * merged / PER_DECADE for step in (0, 1))
            edges = tuple(_short(10.0 ** float(power)) for power in powers)
        yield Bin(
            low=edges[0],
            high=edges[1],
            n=len(chosen),
            mean=_short(chosen.mean(dtype=np.float64)),
            quantiles=tuple(map(_short, np.quantile(chosen, movement.QUANTILES))),
        )


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _rank_correlation(size: np.ndarray, distance: np.ndarray) -> tuple[float | None, int]:
    some = np.flatnonzero(size)
    some = some[:: max(1, -(-len(some) // MAX_RANKED))]
    if len(some) < 2:
        return None, len(some)
    ranks = [_ranks(values[some]) for values in (size, distance)]
    if not all(one.std() for one in ranks):
        return None, len(some)
    return _short(np.corrcoef(*ranks)[0, 1]), len(some)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; of equal values their mean."""
    _, position, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[position]
