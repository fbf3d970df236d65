"""How one run stands, and in what two configurations differ."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

State = Literal["done", "stale", "unfinished", "missing"]
"""A stale run has a record of another configuration or of other code; an unfinished one a checkpoint."""


@dataclasses.dataclass(frozen=True)
class RunStatus:
    """How one run stands."""

    experiment: str
    arm: str
    seed: int  # of the run
    state: State  # how it stands
    why: tuple[str, ...] = ()  # what made a stale run stale, each in a few words
    # seconds of one process that it took, or that runs like it took; None if none has run yet
    seconds: float | None = None
    # seconds of training and evaluation that its record tells; None without one
    spent: float | None = None

    @property
    def name(self) -> str:
        """Experiment, arm and seed as the run's folder spells them."""
        return f"{self.experiment}/{self.arm}/seed{self.seed}"


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "", now: str = ", now "
) -> list[str]:
    """Say which values of two configurations differ, such as ``training.epochs: 9, now 12``."""
    found = []
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += differences(before, after, f"{prefix}{key}.", now)
        elif before != after:
            found.append(f"{prefix}{key}: {_short(before)}{now}{_short(after)}")
    return found


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
