"""Measure how much an arm's mask depends on the batch that makes it."""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from partial_backprop.freezing.criterion import Criterion, make_mask
from partial_backprop.measurements.mask_stability import BatchMask, MaskStability, Pair
from partial_backprop.recipes.mask_gradients import EpochGradients

SIZES = (25, 100, 400)
"""Images in a batch; the source has 100."""

N_BATCHES = 4
"""Batches of each size, at most; together they are at most a quarter of the epoch."""


class _Made(NamedTuple):
    batch_size: int
    """Images in the batch."""
    start: int
    """Position of its first image."""
    threshold: float | None
    """Raw magnitude, where there is one."""
    frozen: Tensor
    """Which weights the mask freezes; boolean, of all parameters in one."""
    zero: Tensor
    """Which gradients of the batch are zero by themselves."""


def measure(gradients: EpochGradients, criterion: Criterion, batch_size: int) -> MaskStability:
    """Make the masks of several batches, and count where they agree."""

    def make(start: int, size: int) -> _Made:
        found = gradients.of(start, size)
        where = f"no mask can be made of {size} images in epoch {gradients.epoch}"
        mask = make_mask(criterion, found, where)
        frozen = _flat({name: ~active for name, active in mask.items()})
        zero = _flat({name: found[name] == 0 for name in mask})
        return _Made(size, start, mask.threshold, frozen, zero)

    own = make(0, batch_size)
    others = []
    for size in SIZES:
        n_batches = min(
            N_BATCHES, gradients.n_images // 4 // size, (gradients.n_images - batch_size) // size
        )
        others += [make(batch_size + number * size, size) for number in range(n_batches)]
    return MaskStability(
        epoch=gradients.epoch,
        n_weights=own.frozen.numel(),
        own=_counts(own, own),
        others=tuple(_counts(one, own) for one in others),
        pairs=tuple(
            Pair(
                batch_size=one.batch_size,
                first=one.start,
                second=other.start,
                n_frozen_in_both=_n(one.frozen & other.frozen),
            )
            for one, other in itertools.combinations(others, 2)
            if one.batch_size == other.batch_size
        ),
    )


def _flat(entries: Mapping[str, Tensor]) -> Tensor:
    return torch.cat([one.flatten() for one in entries.values()]).cpu()


def _n(which: Tensor) -> int:
    return int(which.sum())


def _counts(made: _Made, own: _Made) -> BatchMask:
    return BatchMask(
        batch_size=made.batch_size,
        start=made.start,
        threshold=made.threshold,
        n_frozen=_n(made.frozen),
        n_zero_gradients=_n(made.frozen | made.zero),
        n_zero_under_first=_n(own.frozen | made.zero),
        n_frozen_in_first=_n(own.frozen & made.frozen),
    )
