"""What a run with activations and gradients in few bits puts into its record's ``measurements``."""

from typing import Literal

import pydantic

from partial_backprop.record import Record
from partial_backprop.run_config import Frozen

KEY = "tinyscript"
"""Key of a `QuantizedTraining` in `record.Record.measurements`."""

EXPERIMENTS = ("tinyscript", "tinyscript_cifar10")

BITS = (2, 3, 4)
"""Bits per magnitude for which variances are measured."""


class MagnitudeModel(Frozen):
    """Magnitudes of one tensor of the trained network, and what rounding them costs."""

    layer: str
    """Name of the layer's module in the network."""
    kind: Literal["activation", "gradient"]
    """The layer's input, or the gradient of its weight."""
    n_values: int = pydantic.Field(ge=1)
    n_zeros: int = pydantic.Field(ge=0)
    shape: float
    """Of the Weibull distribution that fits the magnitudes above 0."""
    scale: float
    """Of that distribution, in the unit of the values."""
    largest: float
    """Largest magnitude."""
    uniform_variances: tuple[float, ...]
    """Variance of unbiased rounding to uniform levels, summed over the values, for each of `BITS`."""
    weibull_variances: tuple[float, ...]
    """The same with levels from the distribution."""
    weibull_levels: tuple[tuple[float, ...], ...]
    """These levels, in the unit of the values."""
    bin_edges: tuple[float, ...]
    """Edges of a histogram of the magnitudes above 0, in their unit."""
    bin_counts: tuple[int, ...]
    """Magnitudes in each bin."""


class QuantizedTraining(Frozen):
    """How a training was quantized, and what it saved."""

    levels: Literal["float", "uniform", "weibull"]
    bits: int = pydantic.Field(ge=1, le=8)
    """Bits per magnitude; the sign takes one more."""
    activations: bool
    gradients: bool
    error_feedback: bool
    n_steps: int = pydantic.Field(ge=1)
    n_activation_bytes: int = pydantic.Field(ge=0)
    """Packed activations, summed over all steps."""
    n_activation_bytes_before: int = pydantic.Field(ge=0)
    """The same activations as they were."""
    n_gradient_bytes: int = pydantic.Field(ge=0)
    """Gradients as a process would send them, summed over all steps."""
    n_gradient_bytes_before: int = pydantic.Field(ge=0)
    """The same gradients as they were."""
    magnitudes: tuple[MagnitudeModel, ...]
    """Of one batch of training images after the last epoch, in the order of the layers."""


def of(record: Record) -> QuantizedTraining:
    """Read the measurements out of a record."""
    return record.measured(KEY, QuantizedTraining, "quantized activations and gradients")
