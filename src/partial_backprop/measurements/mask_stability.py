"""How much the mask depends on the batch that makes it, and on that batch's size.

pb2020, section 3.2: the mask "depends on one batch in the third epoch, which makes it critical to have a
reasonable batch size". Counts of frozen weights, from which overlaps follow; nothing here trains.
"""

import pydantic

from partial_backprop.record import Record
from partial_backprop.run_config import Frozen

KEY = "mask_stability"
"""Key of a `MaskStability` in `record.Record.measurements`."""


class BatchMask(Frozen):
    """The mask that one batch would make."""

    batch_size: int = pydantic.Field(ge=1)
    start: int = pydantic.Field(ge=0)
    """Position of the batch's first image in the epoch's order."""
    threshold: float | None
    """Raw gradient magnitude, where one threshold separated frozen from active."""
    n_frozen: int
    """Weights that the mask freezes."""
    n_zero_gradients: int
    """Gradients of this batch that are zero under this mask, by the mask or by themselves: the count of
    the source's listing."""
    n_zero_under_first: int
    """The same under the arm's own mask, as the listing counts it on later batches."""
    n_frozen_in_first: int
    """Weights that both this mask and the arm's own freeze."""


class Pair(Frozen):
    """Two masks of batches of one size, which have no image in common."""

    batch_size: int
    first: int
    second: int
    """Positions of their first images in the epoch's order."""
    n_frozen_in_both: int


class MaskStability(Frozen):
    """Masks of several batches of the mask's epoch, all by the arm's own criterion."""

    epoch: int
    """The mask's epoch, from 0."""
    n_weights: int
    own: BatchMask
    """The arm's own mask, of the epoch's first batch."""
    others: tuple[BatchMask, ...]
    """Masks of other batches, none of which has an image in common with the first batch."""
    pairs: tuple[Pair, ...]
    """Overlaps among those of one size."""


def jaccard(n_weights: int, n_first: int, n_second: int, n_both: float) -> tuple[float, float]:
    """Compute how much two masks agree."""
    n_either = n_first + n_second - n_both
    frozen = n_both / n_either if n_either else 1.0
    active = (n_weights - n_either) / (n_weights - n_both) if n_weights > n_both else 1.0
    return frozen, active


def of(record: Record) -> MaskStability | None:
    """Read the report of a record."""
    if KEY not in record.measurements:
        return None
    return record.measured(KEY, MaskStability, "how stable its mask is")
