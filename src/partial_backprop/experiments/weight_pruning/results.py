"""What a run that prunes weights puts into its record's ``measurements``: sizes of files, and worth.

Counts and bytes, never ratios: who reads them divides (see `record`).
"""

from typing import Literal

import pydantic

from partial_backprop.record import Count, Record
from partial_backprop.run_config import Frozen

KEY = "sizes"
"""Key of a `SizesReport` in `record.Record.measurements`."""

EXPERIMENT = "weight_pruning"
"""The experiment whose records have such a report."""

SEED = "002"
"""Document that prints the sizes beside which ours are shown."""

MIB = 2**20
"""Bytes of what the source's tool calls a megabyte."""

Content = Literal[
    "unpruned", "training_state", "training_state_masked", "masks", "weights", "sparse"
]
"""What a file holds: the network before pruning; after it the weights with masks and the optimizer's
state, the same with the state of pruned weights set to zero, the weights with masks, the weights
alone, and the weights in the sparse format."""


class File(Frozen):
    """Bytes of one content on disk: as it is, in a zip archive, compressed by zstd."""

    content: Content
    n_values: int = pydantic.Field(ge=0)
    """Numbers that the file holds."""
    n_bytes: int = pydantic.Field(ge=1)
    n_bytes_zip: int = pydantic.Field(ge=1)
    n_bytes_zstd: int = pydantic.Field(ge=1)


class Worth(Frozen):
    """How good a network is."""

    validation: Count
    test: Count
    test_loss: float
    """Mean cross-entropy per example, in nats."""


class Layer(Frozen):
    """Zeros of one tensor that was pruned."""

    name: str
    """Name of the module that holds the weight."""
    n_weights: int = pydantic.Field(ge=1)
    n_zeros: int = pydantic.Field(ge=0)


class Pruning(Frozen):
    """One point of the schedule."""

    step: int = pydantic.Field(ge=0)
    """Number of finished steps."""
    share: float = pydantic.Field(ge=0, lt=1)
    """Share of zeros that was asked for."""


class SizesReport(Frozen):
    """Result of pruning the weights of a trained network."""

    start: str
    """Run whose last weights this one began with, as ``experiment/arm``."""
    unpruned: Worth
    """Before the first pruning."""
    pruned: Worth
    """After the last epoch."""
    schedule: tuple[Pruning, ...]
    """Every pruning that took place, in order."""
    layers: tuple[Layer, ...]
    """What was pruned, after the last epoch, in the order of the network."""
    files: tuple[File, ...]
    n_same_outputs: int = pydantic.Field(ge=0)
    """Test images whose outputs are equal, bit for bit, after the sparse file is loaded again."""

    def n_zeros(self) -> int:
        """Return the number of zeros among all weights that were pruned."""
        return sum(layer.n_zeros for layer in self.layers)

    def n_weights(self) -> int:
        """Return the number of all weights that could be pruned."""
        return sum(layer.n_weights for layer in self.layers)

    def file(self, content: Content) -> File:
        """Return the sizes of one content."""
        for file in self.files:
            if file.content == content:
                return file
        raise KeyError(f"no file of {content!r}: there are {[one.content for one in self.files]}")


def of(record: Record) -> SizesReport:
    """Read the report out of a record."""
    return record.measured(KEY, SizesReport, "files and their sizes")
