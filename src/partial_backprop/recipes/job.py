"""Where a run finds its inputs and leaves its outputs; nothing here changes its numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from partial_backprop.errors import UserError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Job:
    """Files and device of one run."""

    out: Path  # folder for the record and what lies beside it
    data_root: Path  # folder with real data sets
    device: "torch.device | None"  # where to train; None for a recipe that needs no torch
    trunk: Path | None = None  # checkpoint of the warm-up epochs
    # folder for checkpoints of unfinished runs; none are kept without it
    checkpoints: Path | None = None
    checkpoint_every_s: float = 30.0  # seconds between checkpoints
    log: Path | None = None  # file that gets every line of progress
    tensorboard: bool = False  # whether to write TensorBoard events beside the record
    start: Path | None = None  # trained weights that the run starts from
    features: Path | None = None  # folder of the run that computed the features of the images


def choose_device(name: str) -> "torch.device":
    """Turn the ``device`` of ``config.yaml`` into one of torch's."""
    import torch  # here, so that a run without torch need not wait for it

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"unknown device {name!r}: choose auto, cpu or cuda") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(
            f"device {name!r} was asked for, but torch finds no CUDA: choose cpu or auto"
        )
    try:
        torch.empty(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:  # NotImplementedError is the first
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(".")
        raise UserError(
            f"device {name!r} cannot be used here ({reason}): choose cpu or auto"
        ) from None
    return device
