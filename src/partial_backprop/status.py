"""Which runs of a scale are done, which are not, why, and how long the rest will take."""

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from partial_backprop import config
from partial_backprop.errors import UserError
from partial_backprop.run_status import RunStatus, State
from partial_backprop.standings import Standings

PUBLISHED = Path("results/published")
"""Records that came with the project: how long their runs took is an estimate for those to come."""

_SHOWN = 3


def survey(
    scale: str,
    results: Path = Path("results"),
    config_dir: Path = config.CONFIG_DIR,
    also: Iterable[str] = (),
) -> list[RunStatus]:
    """Look at every run of a scale."""
    if config.read_scale(scale, config_dir).published:
        raise UserError(f"scale {scale} trains nothing: ask for the scale whose runs you want")
    durations = _Durations(results / scale / "benchmarks", PUBLISHED, scale)
    standings = Standings(scale, results / scale, config_dir, also)
    return [
        dataclasses.replace(
            status,
            seconds=durations.of(status.experiment, status.arm, status.seed),
            spent=_wall_s(standings.product(status.experiment, status.arm, status.seed)),
        )
        for status in standings.runs()
    ]


class _Durations:
    """How long jobs took: from Snakemake's benchmark files, else published records of the same scale."""

    def __init__(self, folder: Path, published: Path, scale: str) -> None:
        self._seconds = {path.stem: _seconds(path) for path in folder.glob("*/*.tsv")}
        self._published: dict[str, float | None] = {}
        for path in published.glob("runs/*/*/seed*/record.json"):
            if _content(path).get("scale") == scale:
                self._published["_".join(path.parts[-4:-1])] = _wall_s(path)

    def of(self, experiment: str, arm: str, seed: int) -> float | None:
        """Return the run's own time, or the mean of its other seeds, or of its experiment."""
        for known in (self._seconds, self._published):
            for prefix in (
                f"{experiment}_{arm}_seed{seed}",
                f"{experiment}_{arm}_",
                f"{experiment}_",
            ):
                alike = [time for name, time in known.items() if name.startswith(prefix)]
                if times := [time for time in alike if time is not None]:
                    return sum(times) / len(times)
        return None


def _content(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def _wall_s(record: Path) -> float | None:
    """Seconds of training and evaluation that a record tells."""
    try:
        return float(_content(record)["provenance"]["wall_s"])
    except (KeyError, TypeError, ValueError):
        return None


def _seconds(path: Path) -> float | None:
    try:
        header, values = (line.split("\t") for line in path.read_text().splitlines()[:2])
        return float(dict(zip(header, values, strict=True))["s"])
    except (OSError, ValueError, KeyError):
        return None


def text(
    runs: Iterable[RunStatus],
    cores: int | None = None,
    titles: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Tell how runs stand, for a reader."""
    runs = list(runs)
    experiments = list(dict.fromkeys(run.experiment for run in runs))
    width = max(map(len, experiments))
    lines = []
    for experiment in experiments:
        states = Counter(run.state for run in runs if run.experiment == experiment)
        told = [f"{states[state]} {state}" for state in State.__args__ if states[state]]
        lines.append(
            f"{experiment:{width}}  {', '.join(told):24}  {titles.get(experiment, '')}".rstrip()
        )
    for run in runs:
        if run.state in ("stale", "unfinished"):
            more = f" and {len(run.why) - _SHOWN} more" if len(run.why) > _SHOWN else ""
            why = f": {'; '.join(run.why[:_SHOWN])}{more}" if run.why else ""
            lines.append(f"{run.state}  {run.name}{why}")
    lines.append(_total(runs))
    return "\n".join([*lines, _rest([run for run in runs if run.state != "done"], cores)])


def _total(runs: list[RunStatus]) -> str:
    done = [run for run in runs if run.state == "done"]
    spent = sum(run.spent or 0 for run in done)
    taken = f", which took {_duration(spent)} of training" if spent else ""
    return f"{len(done)} of {len(runs)} runs are done{taken}"


def _duration(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _rest(waiting: list[RunStatus], cores: int | None) -> str:
    if not waiting:
        return "Every run is done."
    left = "1 run is left" if len(waiting) == 1 else f"{len(waiting)} runs are left"
    known = [run.seconds for run in waiting if run.seconds is not None]
    if not known:
        return f"{left}; nothing like it has run yet, so the time is not known"
    cores = cores or os.cpu_count() or 1
    time = f"about {_duration(sum(known) / cores)} on {cores} cores, by past times"
    if len(known) == len(waiting):
        return f"{left}: {time}"
    return f"{left}: {time}, for {len(known)} of them; the others are new"
