"""TensorBoard events with the names of the source's listing; optional."""

from pathlib import Path
from types import TracebackType

from partial_backprop.training.history import Row


class Events:
    """Write ``train_loss``, ``train_acc``, ``val_loss`` and ``val_acc`` by epoch."""

    # The listing's ``val_…`` come from the test set; here they come from the held-out part of the
    # training set, and the test set has ``test_loss`` and ``test_acc``

    def __init__(self, folder: Path | None) -> None:
        self._writer = None
        if folder is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder))

    def __enter__(self) -> "Events":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def epoch(self, row: Row) -> None:
        """Add one epoch."""
        if self._writer is None:
            return
        epoch = int(row["epoch"])
        for split, prefix in (("train", "train"), ("validation", "val"), ("test", "test")):
            if f"{split}_loss" not in row:
                continue
            accuracy = 100 * row[f"{split}_n_correct"] / row[f"{split}_n_examples"]
            self._writer.add_scalar(f"{prefix}_loss", row[f"{split}_loss"], epoch)
            self._writer.add_scalar(f"{prefix}_acc", accuracy, epoch)
