"""What can be seen before the first run: that every run of a scale can be made."""

from collections.abc import Iterable
from pathlib import Path

from partial_backprop import config
from partial_backprop.errors import UserError
from partial_backprop.files import at_home
from partial_backprop.run_config import RunConfig


def check(
    scale: str,
    directory: Path = config.CONFIG_DIR,
    also: Iterable[str] = (),
) -> None:
    """See before the first run that every run of a scale can be made."""
    the_scale = config.read_scale(scale, directory)
    also = tuple(also)
    if unknown := [name for name in also if name not in the_scale.experiments]:
        raise UserError(f"also: scale {scale} has no experiment {', '.join(unknown)}")
    running = the_scale.run(also)
    for experiment in running:
        for arm in config.arms(scale, experiment, directory):
            own = config.seeds(scale, experiment, directory, arm)
            run = config.resolve(scale, experiment, arm, own[0], directory)
            for key in ("start", "features"):
                if value := run.recipe.get(key):
                    _check_before(
                        scale, run, value, own if key == "start" else (), running, directory
                    )


def _check_before(
    scale: str,
    run: RunConfig,
    value: str,
    needed: Iterable[int],
    running: list[str],
    directory: Path,
) -> None:
    where = f"scale {scale}: {run.experiment}/{run.arm} begins with what {value} leaves"
    experiment, _, arm = value.partition("/")
    if experiment not in running:
        raise UserError(f"{where}: add {experiment} to its experiments")
    if arm not in config.arms(scale, experiment, directory):
        raise UserError(f"{where}, an arm that does not run: take it out of skip_arms")
    missing = [
        seed for seed in needed if seed not in config.seeds(scale, experiment, directory, arm)
    ]
    if missing:
        listed = ", ".join(map(str, missing))
        raise UserError(f"{where}, which does not run with seed {listed}: give both the same seeds")


def check_data(run: RunConfig, data_root: Path) -> None:
    """See that the data set of a run is there, where it is neither embedded nor downloaded."""
    folder = run.data.dataset.get("folder") if run.data is not None else None
    if folder is None:
        return
    path = data_root / at_home({"folder": folder})["folder"]
    if not path.is_dir():
        raise UserError(
            f"{run.experiment} needs the data set {run.data.dataset['name']} in {path}, which is not there:"
            " put it there (docs/data.md), set data_root, or leave the experiment out"
        )


def check_seed(
    scale: str, experiment: str, arm: str, seed: int, directory: Path = config.CONFIG_DIR
) -> None:
    """See that an arm runs with a seed."""
    readers = config.arms(scale, experiment, directory) if arm == config.TRUNK else [arm]
    valid = {own for one in readers for own in config.seeds(scale, experiment, directory, one)}
    if seed not in valid:
        listed = ", ".join(map(str, sorted(valid)))
        raise UserError(
            f"{experiment} does not run with seed {seed} at scale {scale}: it has {listed}"
        )
