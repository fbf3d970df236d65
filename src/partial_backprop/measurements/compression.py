"""What a run that prunes or quantizes a network puts into its record's ``measurements``.

Counts and never ratios: who reads them divides (see `record`).
"""

from collections.abc import Sequence

import pydantic

from partial_backprop.record import Count, Record
from partial_backprop.run_config import Frozen

KEY = "compression"
"""Key of a `CompressionReport` in `record.Record.measurements`."""


class LayerCounts(Frozen):
    """Zeros and distinct values of one weight tensor, as the layer uses it."""

    name: str
    """Name of the module that holds the weight, such as ``body_op.0.conv1.0.conv``."""
    prunable: bool
    """Whether pruning may touch it: ``id_mapping`` is left out, as in sparse_homework."""
    n_weights: int = pydantic.Field(ge=1)
    n_zeros: int = pydantic.Field(ge=0)
    n_values: int = pydantic.Field(ge=1)
    """Distinct values, zero included; after quantization at most 2^bits, and zero."""


class Point(Frozen):
    """A network at one setting: how much is pruned, with how many bits, and what it is worth."""

    sparsity: float | None = None
    """Share of the prunable weights that was asked to be zero; None where nothing is pruned."""
    bits: int | None = None
    """Bits of the quantized layers; None where all stay in floating point."""
    validation: Count
    test: Count
    test_loss: float
    """Mean cross-entropy per example, in nats."""
    layers: tuple[LayerCounts, ...]
    """In the order of the network, ``id_mapping`` included."""

    def sparsity_total(self) -> float:
        """Return the share of zeros among all prunable weights."""
        prunable = [layer for layer in self.layers if layer.prunable]
        return sum(layer.n_zeros for layer in prunable) / sum(layer.n_weights for layer in prunable)


class CompressionReport(Frozen):
    """Result of pruning or quantizing a trained network."""

    start: str
    """Arm whose last weights the run started from."""
    start_point: Point
    """The network as the run found it."""
    without_finetuning: tuple[Point, ...]
    """Each setting applied to the starting weights."""
    finetuned: Point | None = None
    """After the last epoch of fine-tuning; None where there was none."""


def of(record: Record) -> CompressionReport:
    """Read the report out of a record."""
    return record.measured(KEY, CompressionReport, "pruning or quantization")


def layer(point: Point, name: str) -> LayerCounts:
    """Find a layer's counts."""
    found: Sequence[LayerCounts] = [one for one in point.layers if one.name == name]
    if not found:
        raise KeyError(
            f"no layer {name!r}: there are {', '.join(one.name for one in point.layers)}"
        )
    return found[0]
