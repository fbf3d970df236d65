"""Checkpoints of a scale: what they take on the disk, and which of them nobody will read again."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from partial_backprop import config
from partial_backprop.standings import Standings


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on the disk."""

    path: Path  # the file
    n_bytes: int  # its size
    needed: bool  # whether a run that is not done will read it


def find(standings: Standings) -> list[Checkpoint]:
    """List the checkpoints of a scale."""
    unfinished, trunks = set(), []
    for experiment in standings.experiments:
        shares = config.shares_epochs(experiment, standings.config_dir)
        arms = config.arms(standings.scale, experiment, standings.config_dir)
        of_arms = {arm: standings.seeds(experiment, arm) for arm in arms}
        for seed in sorted({seed for own in of_arms.values() for seed in own}):
            running = [arm for arm in arms if seed in of_arms[arm]]
            for arm in [*running, config.TRUNK] if shares else running:
                if standings.of(experiment, arm, seed).state != "done":
                    unfinished.add(standings.configuration(experiment, arm, seed).sha256())
            if shares:
                trunk = standings.product(experiment, config.TRUNK, seed)
                current = standings.of(experiment, config.TRUNK, seed).state == "done"
                trunks.append((trunk, current and standings.needed(experiment, seed)))
    kept = [(path, path.stem in unfinished) for path in standings.root.glob(".checkpoints/*.pt")]
    return [
        Checkpoint(path, path.stat().st_size, needed)
        for path, needed in [*sorted(kept), *trunks]
        if path.exists()
    ]


def report(
    scale: str,
    results: Path,
    config_dir: Path = config.CONFIG_DIR,
    also: Iterable[str] = (),
    *,
    remove: bool = False,
) -> str:
    """Say what the checkpoints of a scale take, and maybe remove those that are not needed."""
    found = find(Standings(scale, results / scale, config_dir, also))
    rest = [one for one in found if not one.needed]
    if remove:
        for one in rest:
            one.path.unlink()
    what = "removed" if remove else "not needed any more (--remove removes them)"
    needed = [one for one in found if one.needed]
    return f"needed by runs that are not done: {_size(needed)}\n{what}: {_size(rest)}"


def _size(found: list[Checkpoint]) -> str:
    count = "1 checkpoint" if len(found) == 1 else f"{len(found)} checkpoints"
    return f"{count}, {sum(one.n_bytes for one in found) / 1e6:,.1f} MB"
