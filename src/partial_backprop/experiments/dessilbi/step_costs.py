"""What a run that measures optimizers puts into its record's ``measurements`` (dessilbi2020, table 6).

Bytes are counted and the same twice; seconds are not, and stand in a file beside the record.
"""

from pathlib import Path

import pandas as pd
import pydantic

from partial_backprop.measurements import timings
from partial_backprop.record import Record
from partial_backprop.run_config import Frozen

KEY = "step_costs"
"""Key of a `CostReport` in `record.Record.measurements`."""

TIMING = timings.NAME
"""File beside the record."""

TIMING_COLUMNS = ("round", "optimizer", "step_s", "update_s", "extra_bytes")
"""A row a step: seconds of forward, backward pass and update together; those of the update alone; and the
most memory that the step took beyond what lay there before it (empty on a processor, where nothing
tells). Seconds are those that one thread of a processor gave to the process, else those on the wall."""


class OptimizerBytes(Frozen):
    """What an optimizer keeps from step to step."""

    name: str
    """Arm of table 1."""
    state: dict[str, int]
    """Bytes of the tensors of its state, by their names, such as ``gamma``; torch's for its own."""

    def n_state_bytes(self) -> int:
        """Count the bytes of all tensors of the state."""
        return sum(self.state.values())


class CostReport(Frozen):
    """Memory of a training step, by what it is for."""

    batch_size: int = pydantic.Field(ge=1)
    n_weight_bytes: int = pydantic.Field(ge=1)
    """Parameters and buffers."""
    n_gradient_bytes: int = pydantic.Field(ge=0)
    n_activation_bytes: int = pydantic.Field(ge=0)
    """What the forward pass keeps for the backward pass, images included, weights not."""
    optimizers: tuple[OptimizerBytes, ...] = pydantic.Field(min_length=1)


def of(record: Record) -> CostReport:
    """Read the report out of a record."""
    return record.measured(KEY, CostReport, "the costs of a step")


def timing(record_path: Path) -> pd.DataFrame | None:
    """Read the times that were measured beside a record."""
    return timings.read(record_path, TIMING_COLUMNS, words=("optimizer",))
