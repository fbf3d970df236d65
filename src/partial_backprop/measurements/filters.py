"""What a run that prunes filters puts into its record's ``measurements``.

Counts and never ratios: who reads them divides (see `record`).
"""

from pathlib import Path

import pandas as pd
import pydantic

from partial_backprop.measurements import timings
from partial_backprop.record import Count, Record
from partial_backprop.run_config import Frozen

KEY = "filters"
"""Key of a `FiltersReport` in `record.Record.measurements`."""

TIMING = timings.NAME
"""File beside the record: time is no part of what two runs of a configuration have in common."""

TIMING_COLUMNS = ("whole_s", "small_s")
"""Seconds per image of the masked network and of the smaller one; a row a pair of measurements."""


class TensorZeros(Frozen):
    """How many elements of a parameter tensor count as zero, by the rule and as printed."""

    name: str
    """Parameter name, such as ``conv1_1.weight``."""
    n_weights: int = pydantic.Field(ge=1)
    n_zeros: int = pydantic.Field(ge=0)
    """|w| <= τ."""
    n_signed: int = pydantic.Field(ge=0)
    """w < τ, as the source's script counts: every negative weight is among them."""
    zeros_by_filter: tuple[int, ...] | None = None
    """``n_zeros`` of each output filter; None where the tensor is not that of a convolution."""
    signed_by_filter: tuple[int, ...] | None = None
    """``n_signed`` likewise."""


class Scored(Frozen):
    """A network on some images."""

    loss: float
    """What the run minimises, mean per image, in nats."""
    count: Count


class Size(Frozen):
    """What a network costs."""

    units: tuple[int, ...]
    """Output channels or outputs of each layer."""
    n_parameters: int
    n_multiply_adds: int
    """For one image, those of convolutions and linear layers; two FLOPs each."""
    n_bytes: int
    """Of the file with its weights, saved by torch."""


class FiltersReport(Frozen):
    """Result of training with a penalty on groups, and of removing what it made zero."""

    threshold: float
    """Largest magnitude τ that counts as zero."""
    tensors: tuple[TensorZeros, ...]
    """In the order of the network."""
    test: Scored
    augmented_train: Scored
    """What the source's script calls test: the training images, shifted and mirrored at random."""
    best_train: Count
    """Of all epochs, in training mode."""
    best_test: Count
    """Of all epochs, on the test set."""
    whole: Size
    """The network as it was trained, its zeros in place."""
    small: Size
    """The network without them."""
    small_test: Count
    largest_difference: float
    """Between the outputs of the two networks on test images, in magnitude."""
    largest_output: float
    """Of the masked network, in magnitude."""

    def total(self, field: str) -> int:
        """Sum a count over all tensors."""
        return sum(getattr(tensor, field) for tensor in self.tensors)


def of(record: Record) -> FiltersReport:
    """Read the report out of a record."""
    return record.measured(KEY, FiltersReport, "filters")


def timing(record_path: Path) -> pd.DataFrame | None:
    """Read the times that were measured beside a record."""
    return timings.read(record_path, TIMING_COLUMNS)
