"""What may stand in files of experiments and scales: their keys and types, and nothing of what they do."""

import os
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import pydantic

from partial_backprop.run_config import StrictModel

HomePath = Annotated[str, pydantic.AfterValidator(os.path.expanduser)]


def _as_list(value: Any) -> Any:
    """Take one name or number for a list of one, as it is typed on the command line."""
    return [value] if isinstance(value, str | int) else value


Name = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9_]+$")]
"""Name of an arm or an experiment, as it stands in paths: small letters, digits and underscores."""


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) != len(seeds):
        raise ValueError("seeds must differ from each other")
    return seeds


Seeds = Annotated[
    tuple[Annotated[int, pydantic.Field(ge=0)], ...],
    pydantic.Field(min_length=1),
    pydantic.AfterValidator(_distinct),
]
"""Seeds with which each run of an experiment is made once: distinct whole numbers from 0."""


class Changes(StrictModel):
    """What an experiment, one of its arms or a scale may say of a run; an absent key changes nothing."""

    data: dict[str, Any] | None = None
    network: dict[str, Any] | None = None
    recipe: dict[str, Any] | None = None
    training: dict[str, Any] | None = None
    freezing: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what is said, absent keys left out."""
        return self.model_dump(include=set(Changes.model_fields), exclude_unset=True)


class Part(Changes):
    """What a scale changes in one experiment."""

    seeds: Seeds | None = None
    """Seeds of its own; None takes those of the scale."""
    arm_seeds: dict[Name, Seeds] = pydantic.Field(default_factory=dict)
    """Arms that have other seeds than their experiment."""
    arms: dict[Name, Changes] = pydantic.Field(default_factory=dict)
    """Arm of the experiment file -> what the scale changes in it, on top of all else."""
    on_request: bool = False
    """Runs only where ``also`` of the settings names it, as for data that few people have."""


class Experiment(Changes):
    """``NAME.yaml`` of a folder of experiments: what is run, and the arms in which its runs differ."""

    title: str = pydantic.Field(min_length=1)
    """What it is, for who reads the file; print has names of its own (`labels`)."""
    arms: dict[Name, Changes | None] = pydantic.Field(min_length=1)
    """Arm -> its changes to the experiment."""
    scales: dict[Name, Part] = pydantic.Field(default_factory=dict)
    """Scale at which it runs, though the scale's file does not name it -> what is changed there."""
    sampled: tuple[Name, Name] | None = None
    """Two arms whose thresholds figures show over the gradients after the warm-up, which are then measured:
    one with a fixed threshold, and one with Otsu's."""


class Scale(StrictModel):
    """``config/scales/NAME.yaml``: how much of everything is run."""

    seeds: Seeds
    """Seeds of every run, where an experiment has none of its own."""

    title: str
    """One line for the paper: what this scale is."""
    experiments: dict[Name, Part] = pydantic.Field(default_factory=dict)
    """Experiments that run at this scale, each with its changes to the experiment file, and maybe
    with ``seeds`` of its own."""
    roles: dict[str, dict[str, Any]] = pydantic.Field(default_factory=dict)
    """Data role -> data set that plays it: ``dataset`` and ``n_validation``."""
    defaults: Changes = Changes()
    """Changes to every experiment of the scale."""
    thresholds: Literal["printed", "printed_share"] = "printed"
    """Whence the fixed thresholds of the networks: those that the source prints, or ones that freeze about
    the share of the weights that it prints, where short schedules leave other gradients."""
    skip_arms: tuple[str, ...] = ()
    """Arms of the experiment files that do not run at this scale: of all experiments by their name, of
    one as ``experiment/arm``."""
    published: bool = False
    """No training: render the committed records as they are."""

    @pydantic.model_validator(mode="after")
    def _runs_something(self) -> "Scale":
        if not (self.published or self.experiments):
            raise ValueError("it runs no experiment: name some below experiments")
        return self

    def run(self, also: Iterable[str] = ()) -> list[str]:
        """List the experiments that run."""
        asked = set(also)
        return [
            name for name, part in self.experiments.items() if not part.on_request or name in asked
        ]


class Settings(StrictModel):
    """``config/config.yaml``: what to run and where; nothing here changes a run's numbers."""

    scale: Annotated[str, pydantic.Field(pattern=r"^[\w.-]+$")] = "demo"
    """One of the files in ``config/scales``."""
    device: Annotated[str, pydantic.Field(pattern=r"^(auto|[a-z]+(:\d+)?)$")] = "auto"
    """``auto`` (CUDA if there is one), ``cpu``, ``cuda``, or another that torch knows."""
    data_root: HomePath = "data"
    """Folder with real data sets, maybe from the home folder on (``~/data``); the embedded ones need none."""
    results_root: Annotated[HomePath, pydantic.Field(pattern=r"^\S+$")] = "results"
    """Folder with a folder for each scale: records, weights, tables; no blank in its path."""
    checkpoint_every: float = pydantic.Field(default=30.0, ge=0)
    """Seconds between the checkpoints of an unfinished run, written after an epoch."""
    tensorboard: bool = False
    """Write TensorBoard events beside each record."""
    also: Annotated[tuple[Name, ...], pydantic.BeforeValidator(_as_list)] = ()
    """Experiments of the scale that run only on request, and are asked for."""


class Overlay(StrictModel):
    """Changes to a scale that are given with the command, and make a scale of another name."""

    name: Name
    """Of the new scale: its results, figures and paper lie below this name."""
    seeds: Annotated[Seeds | None, pydantic.BeforeValidator(_as_list)] = None
    """Seeds in the place of the scale's; an experiment with fewer of its own takes as many, the first."""
    epochs: int | None = pydantic.Field(default=None, ge=1)
    """Epochs of every training, milestones beyond them left out."""
    arms: Annotated[tuple[Name, ...] | None, pydantic.BeforeValidator(_as_list)] = None
    """Arms that run, in the experiments that have any of them."""
    experiments: (
        Annotated[tuple[Name, ...], pydantic.BeforeValidator(_as_list)] | dict[Name, Part] | None
    ) = None
    """Experiments that run, as a list; or changes to some, as in a scale."""
