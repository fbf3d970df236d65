"""Where a run finds its inputs and leaves its outputs; nothing here changes its numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from partial_backprop.errors import UserError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Job:
    """Files and device of one run.

    Parameters
    ----------
    out : pathlib.Path
        Folder for the record and what lies beside it.
    data_root : pathlib.Path
        Folder with real data sets.
    device : torch.device or None
        Where to train; None for a recipe that needs no torch.
    trunk : pathlib.Path, optional
        Checkpoint of the shared epochs.
    checkpoints : pathlib.Path, optional
        Folder for checkpoints of unfinished runs; none are kept without it.
    checkpoint_every_s : float
        Seconds between checkpoints.
    log : pathlib.Path, optional
        File that gets every line of progress.
    tensorboard : bool
        Whether to write TensorBoard events beside the record.
    start : pathlib.Path, optional
        Trained weights that the run starts from.
    features : pathlib.Path, optional
        Folder of the run that computed the features of the images.
    """

    out: Path
    data_root: Path
    device: "torch.device | None"
    trunk: Path | None = None
    checkpoints: Path | None = None
    checkpoint_every_s: float = 30.0
    log: Path | None = None
    tensorboard: bool = False
    start: Path | None = None
    features: Path | None = None


def choose_device(name: str) -> "torch.device":
    """Turn the ``device`` of ``config.yaml`` into one of torch's.

    Parameters
    ----------
    name : str
        ``auto`` (CUDA where there is one), or a name that torch knows.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    UserError
        If torch does not know the name, or CUDA is asked for and absent.
    """
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
