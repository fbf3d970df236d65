"""The parquet shards into which Hugging Face divides a data set."""

import re
from pathlib import Path

from partial_backprop.errors import UserError


def find(folder: Path, part: str) -> list[Path]:
    """List the shards of a part of a data set.

    Parameters
    ----------
    folder : pathlib.Path
        Where they lie.
    part : str
        Such as ``train``.

    Returns
    -------
    list of pathlib.Path
        Files such as ``train-00000-of-00002.parquet``, in order, at least one.

    Raises
    ------
    UserError
        If there are none, or fewer than their names announce.
    """
    shards = sorted(folder.glob(f"{part}-*.parquet"))
    if not shards:
        raise UserError(
            f"there is no {folder}/{part}-*.parquet: put the parquet shards there, or set data_root "
            "to the folder above them"
        )
    announced = re.fullmatch(r".*-of-(\d+)", shards[0].stem)
    if announced and len(shards) != int(announced[1]):
        raise UserError(
            f"{folder} has {len(shards)} of the {int(announced[1])} shards {part}-*.parquet: "
            "add the missing ones"
        )
    return shards
