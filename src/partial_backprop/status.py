"""Which runs of a scale are done, which are not, why, and how long the rest will take."""

import dataclasses
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from partial_backprop import config, record, sources
from partial_backprop.errors import UserError
from partial_backprop.run_config import RunConfig

State = Literal["done", "stale", "unfinished", "missing"]
"""A stale run has a record of another configuration or of other code; an unfinished one a checkpoint."""

_SHOWN = 3


@dataclasses.dataclass(frozen=True)
class RunStatus:
    """How one run stands.

    Parameters
    ----------
    experiment, arm : str
        Names.
    seed : int
        Seed.
    state : {"done", "stale", "unfinished", "missing"}
        How it stands.
    why : tuple of str
        What made a stale run stale, each in a few words.
    seconds : float or None
        Seconds of one process that it took, or that runs like it took; None if none has run yet.
    """

    experiment: str
    arm: str
    seed: int
    state: State
    why: tuple[str, ...] = ()
    seconds: float | None = None

    @property
    def name(self) -> str:
        """Experiment, arm and seed as the run's folder spells them."""
        return f"{self.experiment}/{self.arm}/seed{self.seed}"


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Say which values of two configurations differ.

    Parameters
    ----------
    old, new : mapping
        Configurations as plain values.
    prefix : str
        Where in the configuration they stand.

    Returns
    -------
    list of str
        Such as ``training.epochs: 9, now 12``, in the order of the keys.
    """
    found = []
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found.append(f"{prefix}{key}: {_short(before)}, now {_short(after)}")
    return found


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def survey(
    scale: str, results: Path = Path("results"), config_dir: Path = config.CONFIG_DIR
) -> list[RunStatus]:
    """Look at every run of a scale.

    Parameters
    ----------
    scale : str
        Name of the scale.
    results : pathlib.Path
        Folder with a folder for each scale.
    config_dir : pathlib.Path
        The configuration folder.

    Returns
    -------
    list of RunStatus
        The runs, in the order of the scale's file.

    Raises
    ------
    UserError
        If the scale trains nothing, or a configuration file is wrong.
    """
    the_scale = config.read_scale(scale, config_dir)
    if the_scale.published:
        raise UserError(f"scale {scale} trains nothing: ask for the scale whose runs you want")
    root = results / scale
    durations = _Durations(root / "benchmarks")
    found: dict[tuple[str, str, int], RunStatus] = {}
    for experiment in the_scale.experiments:
        for run in _runs(scale, experiment, config_dir):
            status = _status(run, root, found)
            seconds = durations.of(experiment, run.arm, run.seed)
            key = experiment, run.arm, run.seed
            found[key] = dataclasses.replace(status, seconds=seconds)
    return list(found.values())


def _runs(scale: str, experiment: str, config_dir: Path) -> Iterator[RunConfig]:
    for arm in config.arms(scale, experiment, config_dir):
        for seed in config.seeds(scale, experiment, config_dir, arm):
            yield config.resolve(scale, experiment, arm, seed, config_dir)


def _status(
    run: RunConfig, root: Path, found: Mapping[tuple[str, str, int], RunStatus]
) -> RunStatus:
    identity = {"experiment": run.experiment, "arm": run.arm, "seed": run.seed}
    path = root / "runs" / run.experiment / run.arm / f"seed{run.seed}" / "record.json"
    if not path.exists():
        begun = (root / ".checkpoints" / f"{run.sha256()}.pt").exists()
        return RunStatus(**identity, state="unfinished" if begun else "missing")
    try:
        was = record.read(path)
    except UserError:
        return RunStatus(**identity, state="stale", why=("its record is damaged",))
    why = differences(was.config.model_dump(mode="json"), run.model_dump(mode="json"))
    modules = was.provenance.modules
    if modules:
        why += _edited(modules, sources.digests(sources.of_run(run)))
    start = run.recipe.get("start")
    if isinstance(start, str) and start.count("/") == 1:
        before = found.get((*start.split("/"), run.seed))
        why += [f"{before.name} is {before.state}"] if before and before.state != "done" else []
    return RunStatus(**identity, state="stale" if why else "done", why=tuple(why))


def _edited(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    edited = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    return [f"edited: {name}" for name in edited]


class _Durations:
    """How long past jobs took, from Snakemake's benchmark files."""

    def __init__(self, folder: Path) -> None:
        self._seconds = {path.stem: _seconds(path) for path in folder.glob("*/*.tsv")}

    def of(self, experiment: str, arm: str, seed: int) -> float | None:
        """Return the run's own time, or the mean of its other seeds, or of its experiment."""
        for prefix in (f"{experiment}_{arm}_seed{seed}", f"{experiment}_{arm}_", f"{experiment}_"):
            alike = [time for name, time in self._seconds.items() if name.startswith(prefix)]
            if times := [time for time in alike if time is not None]:
                return sum(times) / len(times)
        return None


def _seconds(path: Path) -> float | None:
    try:
        header, values = (line.split("\t") for line in path.read_text().splitlines()[:2])
        return float(dict(zip(header, values, strict=True))["s"])
    except (OSError, ValueError, KeyError):
        return None


def text(runs: Iterable[RunStatus], cores: int | None = None) -> str:
    """Tell how runs stand, for a reader.

    Parameters
    ----------
    runs : iterable of RunStatus
        From `survey`.
    cores : int, optional
        Cores that will share the rest; those of this machine by default.

    Returns
    -------
    str
        A line for each experiment, then one for each stale or unfinished run, then what is left.
    """
    runs = list(runs)
    experiments = list(dict.fromkeys(run.experiment for run in runs))
    width = max(map(len, experiments))
    lines = []
    for experiment in experiments:
        states = Counter(run.state for run in runs if run.experiment == experiment)
        told = [f"{states[state]} {state}" for state in State.__args__ if states[state]]
        lines.append(f"{experiment:{width}}  {', '.join(told)}")
    for run in runs:
        if run.state in ("stale", "unfinished"):
            more = f" and {len(run.why) - _SHOWN} more" if len(run.why) > _SHOWN else ""
            why = f": {'; '.join(run.why[:_SHOWN])}{more}" if run.why else ""
            lines.append(f"{run.state}  {run.name}{why}")
    return "\n".join([*lines, _rest([run for run in runs if run.state != "done"], cores)])


def _rest(waiting: list[RunStatus], cores: int | None) -> str:
    if not waiting:
        return "Every run is done."
    left = "1 run is left" if len(waiting) == 1 else f"{len(waiting)} runs are left"
    known = [run.seconds for run in waiting if run.seconds is not None]
    if not known:
        return f"{left}; nothing like it has run yet, so the time is not known"
    cores = cores or os.cpu_count() or 1
    minutes = max(1, round(sum(known) / 60 / cores))
    time = f"about {minutes} min on {cores} cores, by past times"
    if len(known) == len(waiting):
        return f"{left}: {time}"
    return f"{left}: {time}, for {len(known)} of them; the others are new"
