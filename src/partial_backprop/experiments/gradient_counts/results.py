"""What a run that zeroes gradients puts into its record's ``measurements`` (gradient_notes).

Counts are sums over all steps, and never ratios: who reads them divides.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import pydantic

from partial_backprop.record import Record
from partial_backprop.run_config import Frozen

KEY = "gradient_counts"
"""Key of a `GradientCounts` in `record.Record.measurements`."""

EXPERIMENT = "sparsification"

ARMS = ("full", "threshold", "random")
"""Its arms, in their order."""


class WeightCounts(Frozen):
    """One of Keras' flat list of weights, and what happened to its gradient."""

    index: int
    """Place in Keras' flat list, from 0."""
    layer: str
    """Keras' name of its layer, such as ``conv2d_1``."""
    role: str
    """Keras' name of it in the layer, such as ``kernel``."""
    name: str
    """Name in the network's ``state_dict``."""
    n_entries: int = pydantic.Field(ge=1)
    trainable: bool
    """Whether it has a gradient at all; running statistics have none."""
    eligible: bool
    """Whether its gradient may be zeroed."""
    n_zeroed: int = pydantic.Field(default=0, ge=0)
    """Entries that were zeroed, summed over all steps; what was zero already counts too."""
    n_natural_zeros: int = pydantic.Field(default=0, ge=0)
    """Entries that were exactly 0 before, summed over all steps; counted where eligible."""
    squares: float = 0.0
    """Squared entries before, summed over all steps; counted where eligible."""
    squares_zeroed: float = 0.0
    """Those of the zeroed entries."""


class GradientCounts(Frozen):
    """Which gradients a training zeroed."""

    method: Literal["full", "threshold", "random"]
    share: float = pydantic.Field(ge=0, le=1)
    """Share of the entries of all weights, running statistics included as in the seed."""
    n_asked: int = pydantic.Field(ge=0)
    """That share in entries, to be zeroed in each step among the eligible weights."""
    n_steps: int = pydantic.Field(ge=1)
    thresholds: tuple[float, ...]
    """Mean threshold of each epoch, raw gradient magnitude; empty where there is none."""
    weights: tuple[WeightCounts, ...]
    """In the order of their indices."""

    def total(self, field: str, *, eligible: bool | None = None) -> float:
        """Sum a field over weights."""
        chosen = (one for one in self.weights if eligible is None or one.eligible == eligible)
        return sum(getattr(one, field) for one in chosen)


def of(record: Record) -> GradientCounts:
    """Read the counts out of a record."""
    return record.measured(KEY, GradientCounts, "zeroed gradients")


def by_arm(records: Iterable[Record]) -> dict[str, list[GradientCounts]]:
    """Gather the counts of the experiment."""
    ran = sorted((one for one in records if one.experiment == EXPERIMENT), key=lambda one: one.seed)
    found = {arm: [of(one) for one in ran if one.arm == arm] for arm in ARMS}
    return {arm: counts for arm, counts in found.items() if counts}


class LayerCounts(NamedTuple):
    """One layer with weights, of one arm; what was zeroed is a mean over steps and seeds."""

    name: str
    """Keras' name."""
    first_index: int
    """Place of its first weight in Keras' flat list."""
    last_index: int
    """Place of its last."""
    n_entries: int
    n_eligible: int
    n_zeroed: float

    @property
    def zeroed_share(self) -> float:
        """Zeroed entries by eligible ones; NaN where none are eligible."""
        return self.n_zeroed / self.n_eligible if self.n_eligible else math.nan


def layers(counts: Sequence[GradientCounts]) -> tuple[LayerCounts, ...]:
    """Sum up one arm by layer."""
    names = dict.fromkeys(weight.layer for one in counts[:1] for weight in one.weights)
    found = []
    for name in names:
        own = [weight for weight in counts[0].weights if weight.layer == name]
        per_step = [
            sum(weight.n_zeroed for weight in one.weights if weight.layer == name) / one.n_steps
            for one in counts
        ]
        found.append(
            LayerCounts(
                name=name,
                first_index=min(weight.index for weight in own),
                last_index=max(weight.index for weight in own),
                n_entries=sum(weight.n_entries for weight in own),
                n_eligible=sum(weight.n_entries for weight in own if weight.eligible),
                n_zeroed=statistics.fmean(per_step),
            )
        )
    return tuple(found)
