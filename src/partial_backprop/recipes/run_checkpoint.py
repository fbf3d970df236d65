"""The checkpoint from which an interrupted run resumes."""

import time
from collections.abc import Callable
from typing import Any, Protocol

from partial_backprop import sources
from partial_backprop.errors import UserError
from partial_backprop.recipes.context import TrainingContext, restore, state
from partial_backprop.recipes.job import Job
from partial_backprop.run_config import RunConfig
from partial_backprop.training import checkpoint


class Stateful(Protocol):
    """A method that remembers something from epoch to epoch, such as a mask."""

    def state_dict(self) -> dict[str, Any]:
        """Return what it remembers."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Remember it again."""


class RunCheckpoint:
    """Checkpoint of a run that has not ended, keyed by the hash of its configuration."""

    def __init__(
        self, config: RunConfig, job: Job, context: TrainingContext, method: Stateful | None
    ) -> None:
        self._path = job.checkpoints / f"{config.sha256()}.pt" if job.checkpoints else None
        self._device = job.device
        self._every_s = job.checkpoint_every_s
        self._trainee = context.train_state
        self._code = sources.digests(sources.of_run(config))
        self._data = context.data.sha256
        self._method = method
        self._saved = time.monotonic()

    def resume(self, say: Callable[[str], None]) -> None:
        """Continue from the checkpoint, where there is one of this code and these data."""
        if self._path is None or not self._path.exists():
            return
        try:
            content = checkpoint.load(self._path, self._device)
        except UserError:
            say("its checkpoint is damaged: ignored; restarting from epoch 0")
            return
        edited = sources.edited(content.get("code", {}), self._code)
        if edited or content.get("data") != self._data:
            say("its checkpoint is of other code or data: ignored; restarting from epoch 0")
            return
        restore(self._trainee, content, str(self._path))
        if self._method is not None:
            self._method.load_state_dict(content["method"])
        say(f"resumes after epoch {len(self._trainee.rows)}")

    def save_when_due(self) -> None:
        """Save if the last time is long enough ago."""
        if time.monotonic() - self._saved >= self._every_s:
            self.save()

    def save(self) -> None:
        """Save now."""
        if self._path is None:
            return
        content = {**state(self._trainee), "code": self._code, "data": self._data}
        if self._method is not None:
            content["method"] = self._method.state_dict()
        checkpoint.save(content, self._path)
        self._saved = time.monotonic()

    def discard(self) -> None:
        """Delete the checkpoint of a run that has ended."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
