"""What a fine-tuning puts into its record's ``measurements``."""

import pydantic

from partial_backprop.record import Record
from partial_backprop.run_config import Frozen

KEY = "finetuning"
"""Key of a `FineTuning` in `record.Record.measurements`."""


class FineTuning(Frozen):
    """What was fine-tuned, and what it took."""

    weights: str | None
    """File of the weights that it began with; None for weights drawn at random."""
    weights_sha256: str | None
    side: int | None
    """Side of the images in pixels, where they were scaled."""
    n_weights: int = pydantic.Field(ge=1)
    n_active: int = pydantic.Field(ge=0)
    """Weights that trained."""
    n_state_bytes: int = pydantic.Field(ge=0)
    """The optimizer's state after the last epoch."""
    n_position_bytes: int = pydantic.Field(ge=0)
    """Where the active weights are, in memory."""
    n_file_bytes: int = pydantic.Field(ge=1)
    """What has to be kept of the training: the delta file, or all weights."""
    n_peak_bytes_with_mask: int | None
    """Peak resident memory of the process in the first epoch, the making of the mask included."""
    n_peak_bytes: int | None
    """That in the later epochs; both None where it cannot be told, or the run was resumed."""
    delta_is_exact: bool | None
    """Whether the delta file made the trained network of the first one, bit for bit; None without one."""


def of(record: Record) -> FineTuning:
    """Read the measurements out of a record."""
    return record.measured(KEY, FineTuning, "a fine-tuning")
