"""Write features batch by batch, so that a run that was killed goes on where it stood.

n: images of a batch, N: images of a part, L: locations, D: channels.
"""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from torch import Tensor

from partial_backprop.captioning.features import path_of
from partial_backprop.data.captioned import Images
from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.training.progress import duration


class FeatureWriter:
    """Arrays of features that grow in a folder of their own until they are whole."""

    def __init__(
        self, folder: Path, made_with: list[str], every_s: float, say: Callable[..., None]
    ) -> None:
        self._folder = folder
        self._every_s = every_s
        self._say = say
        self._state = {"made_with": made_with, "n_done": {}, "elapsed_s": 0.0}
        found = self._noted()
        if found.get("made_with") == made_with and all(
            path_of(folder, part).exists() for part in found["n_done"]
        ):
            self._state = found
            say(f"resumes after {sum(found['n_done'].values())} images")
        self._since = time.monotonic()
        self._saved = self._since

    def _noted(self) -> dict[str, object]:
        try:
            found = json.loads((self._folder / "state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = None
        return found if isinstance(found, dict) else {}

    def _note(self, part: str, n_done: int) -> None:
        now = time.monotonic()
        self._state["n_done"][part] = n_done
        self._state["elapsed_s"] += now - self._since
        self._since = self._saved = now
        write_atomically(self._folder / "state.json", json.dumps(self._state).encode())

    def write(
        self,
        part: str,
        images: Images,
        compute: Callable[[np.ndarray], Tensor],
        shape: tuple[int, int],
        batch_size: int,
    ) -> None:
        """Write the features of a part, or of what is missing of it."""
        path = path_of(self._folder, part)
        whole = (len(images), *shape)
        begun = self._state["n_done"].get(part, 0)
        if begun:
            array = np.load(path, mmap_mode="r+")
        else:
            _check_space(self._folder, whole)
            array = open_memmap(path, "w+", np.float16, whole)
        started = time.monotonic()
        for start in range(begun, len(images), batch_size):
            end = min(start + batch_size, len(images))
            found = compute(images[start:end]).half().cpu().numpy()
            if not np.isfinite(found).all():
                raise UserError(
                    f"the features of the {part} images are no finite numbers in 16 bits: give the "
                    "encoder other weights"
                )
            array[start:end] = found
            seconds = time.monotonic() - started
            rate = (end - begun) / seconds
            self._say(
                f"{part:<10} {end:>6}/{len(images)}  {rate:7.1f} images/s  "
                f"{duration((len(images) - end) / rate)} left",
                always=end == len(images),
            )
            if time.monotonic() - self._saved >= self._every_s or end == len(images):
                array.flush()
                self._note(part, end)

    def finish(self, folder: Path) -> float:
        """Move the whole arrays to their place."""
        folder.mkdir(parents=True, exist_ok=True)
        for part in self._state["n_done"]:
            shutil.move(path_of(self._folder, part), path_of(folder, part))
        shutil.rmtree(self._folder)
        return self._state["elapsed_s"]


def _check_space(folder: Path, shape: tuple[int, int, int]) -> None:
    # An array in a memory map that outgrows its disk ends the process without a word.
    folder.mkdir(parents=True, exist_ok=True)
    needed, free = 2 * int(np.prod(shape)), shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"the features need {needed / 2**20:.0f} MiB and the disk of {folder} has "
            f"{free / 2**20:.0f}: free space or choose another folder"
        )
