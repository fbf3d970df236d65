"""From the files in ``config/`` to one resolved, checked and hashed configuration a run.

Four layers are merged, later ones winning: the experiment file, the scale's ``defaults``, the
scale's entry for the experiment, and the arm. The data *role* is then replaced by the data set that
plays it at this scale, the word ``base`` in a criterion's option ``like`` by the criterion that the
experiment has without its arms, and every option is filled in with its default.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pydantic
import yaml

from partial_backprop import registry
from partial_backprop.errors import UserError

TRUNK = "trunk"
"""Name of the pseudo-arm that trains the epochs that all arms of an experiment share."""

CONFIG_DIR = Path("config")


class _Frozen(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class DataConfig(_Frozen):
    """Which data set plays which role."""

    role: str
    """What the experiment asks for: ``mnist``, ``cifar10``, …"""
    dataset: dict[str, Any]
    """Module of ``data/`` and its options (see `registry.resolve`)."""
    n_validation: int = pydantic.Field(ge=1)
    """Examples held out of the training set by seed; the test set is never touched."""


class OptimizerConfig(_Frozen):
    """Optimizer of the training loop; the defaults are those of seed 001, section 4.1."""

    name: Literal["amsgrad", "adam", "adamw", "sgd"] = "amsgrad"
    learning_rate: float = pydantic.Field(default=1e-3, gt=0)
    """Initial learning rate (seed 001: 0.001)."""
    momentum: float = pydantic.Field(default=0.0, ge=0, lt=1)
    """Momentum of ``sgd``; the Adam family ignores it."""
    weight_decay: float = pydantic.Field(default=0.0, ge=0)
    """Seed 001 uses none."""


class TrainingConfig(_Frozen):
    """Length and schedule of a training; the defaults are those of seed 001, section 4.1."""

    epochs: int = pydantic.Field(default=110, ge=1)
    """Epochs in all, the shared ones included."""
    shared_epochs: int = pydantic.Field(default=2, ge=0)
    """Ω: epochs of full backpropagation that all arms have in common."""
    batch_size: int = pydantic.Field(default=100, ge=1)
    optimizer: OptimizerConfig = OptimizerConfig()
    milestones: tuple[int, ...] = (40, 80)
    """Epochs (from 0) at which the learning rate is multiplied by ``decay``."""
    decay: float = pydantic.Field(default=0.1, gt=0, le=1)
    threads: int = pydantic.Field(default=1, ge=1)
    """CPU threads of the run: part of the configuration, since it changes floating-point sums."""

    @pydantic.model_validator(mode="after")
    def _shared_within(self) -> "TrainingConfig":
        if self.shared_epochs > self.epochs:
            raise ValueError(f"shared_epochs ({self.shared_epochs}) exceeds epochs ({self.epochs})")
        return self


class FreezingConfig(_Frozen):
    """Partial backpropagation: which weights are frozen, when and how."""

    criterion: dict[str, Any]
    """Module of ``freezing/`` and its options (see `registry.resolve`)."""
    start_epoch: int = pydantic.Field(default=2, ge=0)
    """Epoch (from 0) on whose first batch the mask is made: Ω = 2 is the paper's third epoch."""
    mode: Literal["strict", "gradient"] = "strict"
    """``strict``: frozen values never change; ``gradient``: the listing, which masks gradients only."""
    remask_every: int | None = pydantic.Field(default=None, ge=1)
    """A new mask every so many epochs (seed 001, section 3.2: 35)."""
    full_epochs_at_end: int = pydantic.Field(default=0, ge=0)
    """Last epochs with full backpropagation (seed 001, section 3.2: 1)."""


class RunConfig(_Frozen):
    """Everything that determines the numbers of one run."""

    schema_version: Literal[1] = 1
    scale: str
    experiment: str
    arm: str
    seed: int = pydantic.Field(ge=0)
    recipe: dict[str, Any] = {"name": "classify"}
    data: DataConfig | None = None
    network: dict[str, Any] | None = None
    training: TrainingConfig | None = None
    freezing: FreezingConfig | None = None

    @pydantic.model_validator(mode="after")
    def _freezing_starts_after_shared(self) -> "RunConfig":
        if self.freezing and self.training and self.freezing.start_epoch < self.training.shared_epochs:
            raise ValueError(
                f"freezing.start_epoch ({self.freezing.start_epoch}) lies inside the shared epochs "
                f"({self.training.shared_epochs}): lower training.shared_epochs"
            )
        return self

    def sha256(self) -> str:
        """Hash the full configuration, defaults included.

        Returns
        -------
        str
            SHA-256 of the canonical JSON (sorted keys, no blanks), 64 hexadecimal digits.
        """
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class Settings(_Frozen):
    """``config/config.yaml``: what to run and where; nothing here changes a run's numbers."""

    scale: str = "demo"
    """One of the files in ``config/scales``."""
    device: str = "auto"
    """``auto`` (CUDA if there is one), ``cpu`` or ``cuda``."""
    data_root: str = "data"
    """Folder with real data sets; the embedded ones need none."""
    tensorboard: bool = False
    """Write TensorBoard events beside each record."""


class Scale(_Frozen):
    """``config/scales/NAME.yaml``: how much of everything is run."""

    title: str
    """One line for the paper: what this scale is."""
    seeds: tuple[int, ...] = pydantic.Field(min_length=1)
    experiments: dict[str, dict[str, Any]] = {}
    """Experiments that run at this scale, each with its changes to the experiment file."""
    roles: dict[str, dict[str, Any]] = {}
    """Data role -> data set that plays it: ``dataset`` and ``n_validation``."""
    defaults: dict[str, Any] = {}
    """Changes to every experiment of the scale."""
    skip_arms: tuple[str, ...] = ()
    """Arms of the experiment files that do not run at this scale."""
    published: bool = False
    """No training: render the committed records as they are."""

    @pydantic.model_validator(mode="after")
    def _distinct_seeds(self) -> "Scale":
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds must differ from each other")
        return self


def merge(base: Any, change: Any) -> Any:
    """Merge a change into a nested mapping; neither argument is altered.

    Parameters
    ----------
    base, change : object
        Mappings are merged key by key; anything else in `change`, None included, replaces. A
        mapping that brings a ``name`` different from the one in `base` replaces it whole, because
        the options of one module mean nothing to another.

    Returns
    -------
    object
        The merged value.
    """
    if not (isinstance(base, Mapping) and isinstance(change, Mapping)):
        return change
    if "name" in change and change["name"] != base.get("name", change["name"]):
        return dict(change)
    return {**base, **{key: merge(base.get(key), value) for key, value in change.items()}}


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping with the safe loader.

    Parameters
    ----------
    path : pathlib.Path
        File to read.

    Returns
    -------
    dict
        The mapping; empty for an empty file.

    Raises
    ------
    UserError
        If the file is missing, is no YAML, or is no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        valid = ", ".join(sorted(other.stem for other in path.parent.glob("*.yaml"))) or "none"
        raise UserError(f"there is no file {path}: {path.parent} has {valid}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is not valid YAML: {reason}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{path} must hold a mapping of keys, not a {type(content).__name__}")
    return content


def _validate(model: type[pydantic.BaseModel], content: Mapping[str, Any], where: str) -> Any:
    try:
        return model.model_validate(dict(content))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "its keys together"
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            reason = "unknown key; remove it or mend its spelling"
        raise UserError(f"{where}: {key}: {reason}") from None


def read_settings(directory: Path = CONFIG_DIR, **overrides: Any) -> Settings:
    """Read ``config.yaml``.

    Parameters
    ----------
    directory : pathlib.Path
        The configuration folder.
    **overrides
        Values that replace the file's (None leaves the file's).

    Returns
    -------
    Settings
        The checked settings.

    Raises
    ------
    UserError
        If the file is missing or a key or value is wrong.
    """
    content = read_yaml(directory / "config.yaml")
    content |= {key: value for key, value in overrides.items() if value is not None}
    return _validate(Settings, content, str(directory / "config.yaml"))


def read_scale(name: str, directory: Path = CONFIG_DIR) -> Scale:
    """Read a scale file.

    Parameters
    ----------
    name : str
        Stem of a file in ``config/scales``.
    directory : pathlib.Path
        The configuration folder.

    Returns
    -------
    Scale
        The checked scale.

    Raises
    ------
    UserError
        If there is no such scale or one of its keys or values is wrong.
    """
    path = directory / "scales" / f"{name}.yaml"
    return _validate(Scale, read_yaml(path), str(path))


def read_experiment(name: str, directory: Path = CONFIG_DIR) -> dict[str, Any]:
    """Read an experiment file, unmerged.

    Parameters
    ----------
    name : str
        Stem of a file in ``config/experiments``.
    directory : pathlib.Path
        The configuration folder.

    Returns
    -------
    dict
        The file's mapping, with at least ``title`` and ``arms``.

    Raises
    ------
    UserError
        If the file is missing or has no title or arms.
    """
    path = directory / "experiments" / f"{name}.yaml"
    content = read_yaml(path)
    for key in ("title", "arms"):
        if not content.get(key):
            raise UserError(f"{path}: {key}: missing; every experiment has a title and arms")
    return content


def arms(scale: str, experiment: str, directory: Path = CONFIG_DIR) -> list[str]:
    """List the arms of an experiment that run at a scale.

    Parameters
    ----------
    scale, experiment : str
        Names of a scale and of an experiment.
    directory : pathlib.Path
        The configuration folder.

    Returns
    -------
    list of str
        Names in the order of the experiment file.
    """
    skip = read_scale(scale, directory).skip_arms
    return [arm for arm in read_experiment(experiment, directory)["arms"] if arm not in skip]


def resolve(
    scale: str, experiment: str, arm: str, seed: int, directory: Path = CONFIG_DIR
) -> RunConfig:
    """Resolve one run's configuration.

    Parameters
    ----------
    scale, experiment, arm : str
        Names; the arm may be `TRUNK`.
    seed : int
        Seed of the run.
    directory : pathlib.Path
        The configuration folder.

    Returns
    -------
    RunConfig
        The full configuration.

    Raises
    ------
    UserError
        If a name is unknown, or a key or value is wrong; the message names the file and the key.
    """
    the_scale = read_scale(scale, directory)
    content = read_experiment(experiment, directory)
    where = f"config of {experiment}/{arm} at scale {scale}"
    all_arms = content.pop("arms")
    content.pop("title")
    content = merge(content, the_scale.defaults)
    if experiment not in the_scale.experiments:
        listed = ", ".join(the_scale.experiments) or "none"
        raise UserError(f"scale {scale} does not run experiment {experiment!r}: it runs {listed}")
    content = merge(content, the_scale.experiments[experiment])
    base = content.get("freezing") or {}
    if arm == TRUNK:
        content = _as_trunk(content)
    elif arm in all_arms:
        content = merge(content, all_arms[arm] or {})
    else:
        raise UserError(f"experiment {experiment} has no arm {arm!r}: it has {', '.join(all_arms)}")
    content["data"] = _cast_role(content.get("data"), the_scale, where)
    for key, package in (("network", "networks"), ("recipe", "recipes")):
        if content.get(key) is not None:
            content[key] = registry.resolve(package, content[key])
    if content.get("freezing") is not None:
        content["freezing"] = _with_criterion(content["freezing"], base)
    identity = {"scale": scale, "experiment": experiment, "arm": arm, "seed": seed}
    return _validate(RunConfig, {**content, **identity}, where)


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
    if role not in scale.roles:
        listed = ", ".join(scale.roles) or "none"
        raise UserError(f"{where}: data.role: no data set plays {role!r} at this scale: it has {listed}")
    cast = merge(scale.roles[role], data)
    if "dataset" in cast:
        cast["dataset"] = registry.resolve("data", cast["dataset"])
    return cast
