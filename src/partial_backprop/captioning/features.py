"""An encoder's feature maps of all images, kept on disk and read where they lie.

N: images, L: locations of a feature map (its height times its width), D: channels.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydantic

from partial_backprop import record
from partial_backprop.errors import UserError
from partial_backprop.record import DataFacts
from partial_backprop.run_config import StrictModel

KEY = "features"
"""Key of the report in a record's ``measurements``."""

PARTS = ("train", "validation", "test")


class FeatureReport(StrictModel):
    """Which encoder computed the features, and how they lie on an image."""

    encoder: str
    """Module of ``networks/``."""
    weights: str
    """The run that trained it, as ``experiment/arm``, or the name of the file with its weights."""
    weights_sha256: str
    """Checksum of the file with its weights."""
    mean: tuple[float, ...]
    """Normalisation of its images, by channel, for pixels between 0 and 1."""
    std: tuple[float, ...]
    """The standard deviation by which they are divided."""
    grid: tuple[int, int]
    """Height and width of a feature map; a location is row by row an index into it."""
    n_channels: int = pydantic.Field(ge=1)
    """Channels D of a feature map."""


@dataclass(frozen=True, eq=False)
class Features:
    """The features of three parts of a data set."""

    report: FeatureReport  # which encoder computed them
    data: DataFacts  # of which data
    # train, validation, test: of shape (N, L, D); feature maps, in the order of the images; mapped
    # into memory, not read
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def path_of(folder: Path, part: str) -> Path:
    """Return the file of a part's features."""
    return folder / f"features_{part}.npy"


def read(folder: Path, data: DataFacts | None = None) -> Features:
    """Map the features of a run into memory."""
    made = record.read(folder / "record.json")
    report = made.measured(KEY, FeatureReport, "features")
    if made.data is None or (data is not None and made.data.sha256 != data.sha256):
        raise UserError(f"the features in {folder} are of other data: run caption_features again")
    n_locations = report.grid[0] * report.grid[1]
    sizes = (made.data.n_train, made.data.n_validation, made.data.n_test)
    arrays = []
    for part, n in zip(PARTS, sizes, strict=True):
        path = path_of(folder, part)
        try:
            array = np.load(path, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            reason = " ".join(str(error).split())[:100]
            raise UserError(f"cannot read {path} ({reason}): run caption_features again") from None
        if array.shape != (n, n_locations, report.n_channels) or array.dtype != np.float16:
            raise UserError(
                f"{path} holds {array.dtype} of shape {array.shape}, not float16 of "
                f"{(n, n_locations, report.n_channels)}: run caption_features again"
            )
        arrays.append(array)
    return Features(report, made.data, *arrays)
