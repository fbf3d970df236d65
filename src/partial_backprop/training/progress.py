"""A live line for each run, readable when many run side by side."""

import sys
import time
from pathlib import Path
from types import TracebackType


def duration(seconds: float) -> str:
    """Format a time span."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    return f"{seconds // 3600}h{seconds % 3600 // 60:02d}m"


class Progress:
    """Report epochs: each to the run's log, and at most one every few seconds to the terminal."""

    # Each line is whole and begins with the run's name, so that the lines of runs side by side can
    # be told apart, and a terminal without cursor control shows them too

    def __init__(
        self, name: str, n_epochs: int, log: Path | None = None, every_s: float = 5.0
    ) -> None:
        self._name = name
        self._n_epochs = n_epochs
        self._every_s = every_s
        self._last_shown = -float("inf")
        self._started: tuple[int, float] | None = None
        self._file = None
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            self._file = log.open("w", encoding="utf-8")

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def say(self, text: str, *, always: bool = True) -> None:
        """Write one line."""
        line = f"{self._name:<36} {text}"
        if self._file is not None:
            print(line, file=self._file, flush=True)
        now = time.monotonic()
        if always or now - self._last_shown >= self._every_s:
            self._last_shown = now
            print(line, file=sys.stderr, flush=True)

    def epoch(self, row: dict[str, float], n_images: int, seconds: float) -> None:
        """Report an epoch that has ended."""
        now = time.monotonic()
        epoch = int(row["epoch"])
        if self._started is None:
            self._started = (epoch, now)
        first, then = self._started
        n_left = self._n_epochs - epoch - 1
        per_epoch = (now - then) / (epoch - first) if epoch > first else seconds
        accuracies = "  ".join(
            f"{split} {100 * row[f'{split}_n_correct'] / row[f'{split}_n_examples']:5.2f} %"
            for split in ("train", "validation", "test")
            if f"{split}_n_correct" in row
        )
        self.say(
            f"epoch {epoch + 1:>3}/{self._n_epochs}  loss {row['train_loss']:.4f}  "
            f"{accuracies}  {n_images / seconds:7.0f} images/s  {duration(per_epoch * n_left)} left",
            always=n_left == 0,
        )
