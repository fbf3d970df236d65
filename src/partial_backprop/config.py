"""From experiments and the files in ``config/`` to one resolved, checked and hashed configuration a run.

Five layers are merged, later ones winning: the experiment file, the scale's ``defaults``, the
scale's entry for the experiment, the arm, and the scale's entry for the arm. The data *role* is then
replaced by the data set that plays it at this scale, the word ``base`` in a criterion's option
``like`` by the criterion that the experiment has without its arms, and every option is
filled in with its default.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from partial_backprop import folders, registry
from partial_backprop.config_files import Experiment, Part, Scale, Settings
from partial_backprop.errors import UserError
from partial_backprop.files import read_checked, read_yaml, validated
from partial_backprop.run_config import TRUNK, RunConfig, TrainingConfig

CONFIG_DIR = Path("config")

OWN_SCALES = Path("scales") / "own"
"""Folder, in the configuration's, of the scales that `derived.derive_scale` wrote."""


def merge(base: Any, change: Any) -> Any:
    """Merge a change into a nested mapping; neither argument is altered."""
    if not (isinstance(base, Mapping) and isinstance(change, Mapping)):
        return change
    if "name" in change and change["name"] != base.get("name", change["name"]):
        return dict(change)
    return {**base, **{key: merge(base.get(key), value) for key, value in change.items()}}


def read_settings(directory: Path = CONFIG_DIR, **overrides: Any) -> Settings:
    """Read ``config.yaml``."""
    content = read_yaml(directory / "config.yaml")
    content |= {key: value for key, value in overrides.items() if value is not None}
    return validated(Settings, content, str(directory / "config.yaml"))


def read_scale(name: str, directory: Path = CONFIG_DIR) -> Scale:
    """Read a scale file, with the experiments that say themselves that they run at the scale."""
    path = directory / "scales" / f"{name}.yaml"
    own = directory / OWN_SCALES / f"{name}.yaml"
    if own.exists() and not path.exists():  # in which these experiments are already
        return read_checked(Scale, own)
    scale = read_checked(Scale, path)
    joining = {one: parts[name] for one, parts in _scales_of_all(directory) if name in parts}
    joining = {one: part for one, part in joining.items() if one not in scale.experiments}
    return (
        scale.model_copy(update={"experiments": scale.experiments | joining}) if joining else scale
    )


def _scales_of_all(directory: Path) -> tuple[tuple[str, dict[str, Part]], ...]:
    """What experiments say of scales, in the order of the folders."""
    stats = ((path, path.stat()) for path in folders.every_experiment(directory).values())
    return tuple(
        (path.stem, found)
        for path, stat in stats
        if (found := _scales_in(path, stat.st_mtime_ns, stat.st_size))
    )


@functools.lru_cache(maxsize=256)
def _scales_in(path: Path, mtime_ns: int, size: int) -> dict[str, Part]:
    if b"scales:" not in path.read_bytes():
        return {}
    return read_checked(Experiment, path).scales


def read_experiment(name: str, directory: Path = CONFIG_DIR) -> dict[str, Any]:
    """Read an experiment file, unmerged and without its scales."""
    found = read_checked(Experiment, folders.experiment(name, directory))
    return found.model_dump(exclude_unset=True, exclude={"scales"})


def sampled(experiment: str, directory: Path = CONFIG_DIR) -> tuple[str, ...]:
    """Name the two arms whose thresholds a sample of the gradients shows; none where none is taken."""
    return tuple(read_experiment(experiment, directory).get("sampled") or ())


def shares_epochs(experiment: str, directory: Path = CONFIG_DIR) -> bool:
    """Whether the arms of an experiment may have their first epochs in common."""
    return folders.recipe(recipe(experiment, directory), directory).shares_epochs


def without_scale(directory: Path = CONFIG_DIR) -> str:
    """Name in a line the experiments that no scale runs, not even on request; empty where there are none."""
    scales = [path.stem for path in sorted((directory / "scales").glob("*.yaml"))]
    running = {one for scale in scales for one in read_scale(scale, directory).experiments}
    idle = [name for name in folders.every_experiment(directory) if name not in running]
    return (
        f"no scale runs {', '.join(idle)}: name scales in its file, below `scales`" if idle else ""
    )


def recipe(experiment: str, directory: Path = CONFIG_DIR) -> str:
    """Return the name of the recipe that the runs of an experiment follow."""
    content = read_experiment(experiment, directory).get("recipe") or {}
    return content.get("name", "classify")


def every_arm(experiment: str, directory: Path = CONFIG_DIR) -> list[str]:
    """List the arms of an experiment, whether a scale runs them or not."""
    return list(read_experiment(experiment, directory)["arms"])


def arms(scale: str, experiment: str, directory: Path = CONFIG_DIR) -> list[str]:
    """List the arms of an experiment that run at a scale."""
    skip = set(read_scale(scale, directory).skip_arms)
    every = read_experiment(experiment, directory)["arms"]
    for name in sorted(skip):
        where, _, arm = name.rpartition("/")
        if where == experiment and arm not in every:
            raise UserError(
                f"skip_arms of scale {scale}: {experiment} has no arm {arm!r}: it has {', '.join(every)}"
            )
    return [arm for arm in every if not skip & {arm, f"{experiment}/{arm}"}]


def seeds(
    scale: str, experiment: str, directory: Path = CONFIG_DIR, arm: str | None = None
) -> tuple[int, ...]:
    """List the seeds of an experiment, or of one of its arms, at a scale."""
    the_scale = read_scale(scale, directory)
    part = the_scale.experiments.get(experiment, Part())
    if part.arm_seeds:
        every = read_experiment(experiment, directory)["arms"]
        if unknown := sorted(part.arm_seeds.keys() - every.keys()):
            raise UserError(
                f"arm_seeds of scale {scale}: {experiment} has no arm {unknown[0]!r}: it has "
                f"{', '.join(every)}"
            )
    if arm in part.arm_seeds:
        return part.arm_seeds[arm]
    return the_scale.seeds if part.seeds is None else part.seeds


def resolve(
    scale: str, experiment: str, arm: str, seed: int, directory: Path = CONFIG_DIR
) -> RunConfig:
    """Resolve one run's configuration."""
    the_scale = read_scale(scale, directory)
    content = read_experiment(experiment, directory)
    where = f"config of {experiment}/{arm} at scale {scale}"
    all_arms = content.pop("arms")
    for key in ("title", "sampled"):
        content.pop(key, None)
    content = merge(content, the_scale.defaults.as_dict())
    if experiment not in the_scale.experiments:
        listed = ", ".join(the_scale.experiments) or "none"
        raise UserError(f"scale {scale} does not run experiment {experiment!r}: it runs {listed}")
    part = the_scale.experiments[experiment]
    if unknown := part.arms.keys() - all_arms:
        raise UserError(
            f"scale {scale}, experiments.{experiment}.arms: there is no arm {min(unknown)!r}: "
            f"{experiment} has {', '.join(all_arms)}"
        )
    content = merge(content, part.as_dict())
    base = content.get("freezing") or {}
    training = content.get("training") or {}
    precision = training.get("precision", TrainingConfig().precision)
    shared_epochs = training.get("shared_epochs", TrainingConfig().shared_epochs)
    if arm == TRUNK:
        content = _as_trunk(content)
    elif arm in all_arms:
        content = merge(content, all_arms[arm] or {})
        content = merge(content, part.arms[arm].as_dict() if arm in part.arms else {})
    else:
        raise UserError(f"experiment {experiment} has no arm {arm!r}: it has {', '.join(all_arms)}")
    content["data"] = _cast_role(content.get("data"), the_scale, where)
    for key, package in (("network", "networks"), ("recipe", "recipes")):
        if content.get(key) is not None:
            content[key] = registry.resolve(package, content[key])
    if content.get("freezing") is not None:
        content["freezing"] = _with_criterion(content["freezing"], base)
    identity = {"scale": scale, "experiment": experiment, "arm": arm, "seed": seed}
    run = validated(RunConfig, {**content, **identity}, where)
    if run.training and run.training.shared_epochs and run.training.precision != precision:
        raise UserError(
            f"{where}: training.precision: {run.training.precision} for this arm, {precision} for the "
            "epochs that all arms share: set training.shared_epochs of the arm to 0"
        )
    if run.training and run.training.shared_epochs not in (0, shared_epochs):
        raise UserError(
            f"{where}: training.shared_epochs: {run.training.shared_epochs} for this arm, but the epochs "
            f"that all arms share are {shared_epochs}: say {shared_epochs}, or 0 for an arm that trains "
            "its own"
        )
    return run


def completed(run: RunConfig) -> RunConfig:
    """Fill in the options that modules got after a run's configuration was recorded, at their defaults."""

    def filled(package: str, spec: dict[str, Any] | None) -> dict[str, Any] | None:
        return registry.resolve(package, spec) if spec else spec

    change: dict[str, Any] = {
        "network": filled("networks", run.network),
        "recipe": filled("recipes", run.recipe),
    }
    if run.data:
        dataset = filled("data", run.data.dataset)
        change["data"] = run.data.model_copy(update={"dataset": dataset})
    if run.freezing:
        criterion = filled("freezing", run.freezing.criterion)
        change["freezing"] = run.freezing.model_copy(update={"criterion": criterion})
    return run.model_copy(update=change)


def is_same(recorded: RunConfig, now: RunConfig) -> bool:
    """Whether a recorded configuration, in today's schema, is today's."""
    try:
        return now in (recorded, completed(recorded))
    except UserError:  # a module or an option is gone
        return False


def _as_trunk(content: dict[str, Any]) -> dict[str, Any]:
    training = dict(content.get("training") or {})
    training["epochs"] = training.get("shared_epochs", TrainingConfig().shared_epochs)
    return {**content, "training": training, "freezing": None}


def _with_criterion(freezing: dict[str, Any], base: Mapping[str, Any]) -> dict[str, Any] | None:
    criterion = freezing.get("criterion")
    if criterion is None:
        return None
    if isinstance(criterion, Mapping) and criterion.get("like") == "base":
        criterion = {**criterion, "like": base.get("criterion")}
    return {**freezing, "criterion": registry.resolve("freezing", criterion)}


def _cast_role(data: Any, scale: Scale, where: str) -> dict[str, Any] | None:
    if data is None:
        return None
    role = data.get("role")
    if not isinstance(role, str) or role not in scale.roles:
        listed = ", ".join(scale.roles) or "none"
        raise UserError(
            f"{where}: data.role: no data set plays {role!r} at this scale: it has {listed}"
        )
    cast = merge(scale.roles[role], data)
    if "dataset" in cast:
        cast["dataset"] = registry.resolve("data", cast["dataset"])
    return cast
