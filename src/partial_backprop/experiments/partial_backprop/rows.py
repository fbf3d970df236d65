"""Rows of masks: how those of other batches agree with a run's own, and how far weights moved."""

from collections.abc import Iterator

import numpy as np

from partial_backprop.inputs import Run
from partial_backprop.measurements import mask_stability, movement
from partial_backprop.report.rows import Row, emit

METRICS = (
    "movement_rank_correlation", "n_masks", "masks_frozen_percent", "masks_zeros_percent",
    "masks_zeros_under_own_percent", "overlap_own", "overlap_chance", "overlap_pairs",
    "mask_overlap_percent",
)  # fmt: skip
"""Quantities that it adds to the results frame."""


def rows(run: Run) -> Iterator[Row]:
    """How masks of other batches agree with a run's own, and whether large gradients go with long ways."""
    moved = movement.of(run.record)
    if moved is not None and moved.batches:
        yield from emit(run, {"movement_rank_correlation": moved.batches[0].rank_correlation})
    masks = mask_stability.of(run.record)
    if masks is None:
        return
    for size in sorted({mask.batch_size for mask in masks.others}):
        others = [mask for mask in masks.others if mask.batch_size == size]
        yield from emit(run, _agreement(masks, size), len(others), batch_size=size)
        if size == masks.own.batch_size:
            overlap = 100 * np.mean([_overlap(masks, mask) for mask in others])
            yield from emit(run, {"mask_overlap_percent": overlap})


def _overlap(masks: mask_stability.MaskStability, mask: mask_stability.BatchMask) -> float:
    n, own = masks.n_weights, masks.own.n_frozen
    return mask_stability.jaccard(n, own, mask.n_frozen, mask.n_frozen_in_first)[0]


def _agreement(masks: mask_stability.MaskStability, size: int) -> dict[str, float]:
    n, own = masks.n_weights, masks.own.n_frozen
    others = [mask for mask in masks.others if mask.batch_size == size]
    frozen = {mask.start: mask.n_frozen for mask in others}
    pairs = [
        mask_stability.jaccard(n, frozen[pair.first], frozen[pair.second], pair.n_frozen_in_both)[0]
        for pair in masks.pairs
        if pair.batch_size == size
    ]
    return {
        "n_masks": len(others),
        "masks_frozen_percent": 100 * np.mean([mask.n_frozen / n for mask in others]),
        "masks_zeros_percent": 100 * np.mean([mask.n_zero_gradients / n for mask in others]),
        "masks_zeros_under_own_percent": 100 * np.mean([m.n_zero_under_first / n for m in others]),
        "overlap_own": np.mean([_overlap(masks, mask) for mask in others]),
        "overlap_chance": np.mean(
            [
                mask_stability.jaccard(n, own, mask.n_frozen, own * mask.n_frozen / n)[0]
                for mask in others
            ]
        ),
        "overlap_pairs": np.mean(pairs) if pairs else np.nan,
    }
