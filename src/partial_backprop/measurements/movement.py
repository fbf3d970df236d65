"""How far weights went after the mask's epoch, by the magnitude of their gradient then.

Full backpropagation tells whether a weight with a small gradient "is less likely to change" (pb2020,
section 1). Weights are binned by |gradient| on a batch of the mask's epoch; of each bin the record tells
how far its weights had gone at the end, |w_end − w_mask|.
"""

import gzip
import hashlib
import io
import zlib
from pathlib import Path

import pandas as pd
import pydantic

from partial_backprop.errors import UserError
from partial_backprop.record import Record
from partial_backprop.run_config import Frozen

KEY = "movement"
"""Key of a `MovementReport` in `record.Record.measurements`."""

FILE = "movement.csv.gz"
"""File beside the record, with the bins of each parameter tensor."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the distances in a bin; the third is the median."""

COLUMNS = ("batch", "layer", "low", "high", "n", "mean", *(f"q{round(100 * q)}" for q in QUANTILES))
"""Columns of `FILE`: one row for each batch, parameter tensor and bin that is not empty."""


class Bin(Frozen):
    """Weights with gradients of about one magnitude, and how far they went."""

    low: float = pydantic.Field(ge=0)
    high: float = pydantic.Field(ge=0)
    """Bounds of the raw |gradient|, low < |g| <= high but for rounding; both 0 for gradients of exactly
    zero. The outermost bins also hold what lies beyond them."""
    n: int = pydantic.Field(ge=1)
    """Weights."""
    mean: float
    """Mean distance."""
    quantiles: tuple[float, float, float, float, float]
    """Distances at `QUANTILES`."""


class BatchMovement(Frozen):
    """Gradients of one batch, and how far all weights of the network went."""

    batch: int = pydantic.Field(ge=0)
    """Position of the batch in the epoch; 0 makes the mask."""
    bins: tuple[Bin, ...]
    """Of all weights, four to a decade, by growing magnitude."""
    rank_correlation: float | None
    """Spearman's, of magnitude and distance, over weights with a gradient other than zero; None where
    it is undefined."""
    n_ranked: int
    """Weights that it was computed of: all, or every k-th of very many."""


class MovementReport(Frozen):
    """What a run with full backpropagation puts into its record."""

    epoch: int = pydantic.Field(ge=0)
    """The mask's epoch, from 0; distances reach from its beginning to the end of the last one."""
    batch_size: int = pydantic.Field(ge=1)
    """Examples in each batch."""
    batches: tuple[BatchMovement, ...]
    file: str = FILE
    """Where the bins of each layer are, two to a decade."""
    sha256: str
    """Checksum of that file's uncompressed content."""


def of(record: Record) -> MovementReport | None:
    """Read the report of a record."""
    if KEY not in record.measurements:
        return None
    return record.measured(KEY, MovementReport, "how far its weights went")


def pack(frame: pd.DataFrame) -> tuple[bytes, str]:
    """Format the bins of layers."""
    text = frame.to_csv(
        index=False, columns=list(COLUMNS), float_format="%.5g", lineterminator="\n"
    )
    plain = text.encode()
    return gzip.compress(plain, 9, mtime=0), hashlib.sha256(plain).hexdigest()


def layers(path: Path, report: MovementReport) -> pd.DataFrame:
    """Read the bins of each layer."""
    beside = path.with_name(report.file)
    try:
        plain = gzip.decompress(beside.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot read {beside} ({error}): run its training again") from None
    if hashlib.sha256(plain).hexdigest() != report.sha256:
        raise UserError(
            f"{beside} is not the file of {path}: restore it, or run its training again"
        )
    return pd.read_csv(io.BytesIO(plain))
