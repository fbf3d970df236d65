"""The parquet shards into which Hugging Face divides a data set."""

import re
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from partial_backprop.data.files import damaged
from partial_backprop.errors import UserError


def find(folder: Path, part: str) -> list[Path]:
    """List the shards of a part of a data set."""
    paths = sorted(folder.glob(f"{part}-*.parquet"))
    if not paths:
        raise UserError(
            f"there is no {folder}/{part}-*.parquet: put the parquet shards there, or set data_root "
            "to the folder above them"
        )
    if not any("-of-" in path.stem for path in paths):
        return paths
    # Until 2023 the package datasets wrote a hash behind the numbers.
    name = re.compile(rf"{re.escape(part)}-(\d+)-of-(\d+)(?:-[0-9a-f]+)?")
    shards: dict[int, Path] = {}
    totals: dict[int, Path] = {}
    for path in paths:
        match = name.fullmatch(path.stem)
        if match is None:
            raise UserError(
                f"{path} is not named as a shard of {part}, and there are others beside it: remove "
                "it if it is a copy, or put it into a folder of its own"
            )
        number, total = int(match[1]), int(match[2])
        rival = shards.setdefault(number, path)
        other = next(iter(totals.values()), path)
        totals.setdefault(total, path)
        if rival != path or len(totals) > 1:
            raise UserError(
                f"{path.name} and {(rival if rival != path else other).name} in {folder} are of two "
                "copies of the data: keep the shards of one"
            )
    (total,) = totals
    if sorted(shards) != list(range(total)):
        wrong = min(set(range(total)) ^ set(shards))
        raise UserError(
            f"{folder} has {len(shards)} of the {total} shards {part}-*.parquet, numbered from 0: "
            f"{'add' if wrong < total else 'remove'} number {wrong}"
        )
    return [shards[number] for number in sorted(shards)]


def read(
    folder: Path,
    part: str,
    columns: Collection[str],
    what: str,
    row: Callable[[dict[str, Any]], Any],
) -> tuple[list[Any], list[tuple[Path, int]]]:
    """Read the rows of a part, each by a function, and shard and number of each; at least one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    shards = find(folder, part)
    found: list[Any] = []
    where: list[tuple[Path, int]] = []
    for shard in shards:
        try:
            with pq.ParquetFile(shard) as file:
                some = [row(values) for values in file.read(columns=list(columns)).to_pylist()]
        except (
            OSError,
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
            pa.ArrowException,
        ) as error:
            reason = " ".join(str(error).split())[:120]
            raise damaged(shard, f"has no readable columns {what} ({reason})") from None
        found += some
        where += [(shard, number) for number in range(len(some))]
    if not found:
        raise damaged(shards[0], "holds no images")
    return found, where


def locate(root: Path, folder: str, part: str, columns: Collection[str]) -> Path | None:
    """Find the folder with the shards of a data set."""
    where = root / folder
    if list(where.glob(f"{part}-*.parquet")):
        return where
    below = where if where.is_dir() else root
    # Two levels: deeper ones may hold all the pictures of ImageNet.
    files = (path for depth in ("*", "*/*") for path in below.glob(f"{depth}/{part}-*.parquet"))
    first = {path.parent: path for path in files}
    found = sorted(place for place, path in first.items() if _has(path, columns))
    if len(found) > 1:
        raise UserError(
            f"{where} holds no shards, and both {found[0]} and {found[1]} do: name one as folder"
        )
    if found:
        print(f"{where} holds no shards: reading those in {found[0]}", file=sys.stderr)
    return found[0] if found else None


def _has(shard: Path, columns: Collection[str]) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return set(columns) <= set(pq.read_schema(shard).names)
    except (OSError, pa.ArrowException):
        return False
