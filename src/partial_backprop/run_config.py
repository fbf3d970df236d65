"""Everything that determines the numbers of one run, typed, checked and hashed."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import pydantic

TRUNK = "trunk"
"""Name of the pseudo-arm that trains the epochs that all arms of an experiment share."""

Precision = Literal["float32", "tf32", "bf16"]
"""How the network computes; weights, gradients and the optimizer's state are always float32."""

IN_ANY_PRECISION = ("classify", "pretrain")
"""Recipes that train and score in any precision; the others know float32 alone."""

WITHOUT_VALIDATION = ("classify",)
"""Recipes that can do without a validation part."""


MIGRATIONS: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = ()
"""Step n takes the plain configuration of schema version n (from 1) to version n + 1.

A key that is only *added* needs no step: name it in its class's `ADDED`. A step changes the hash of every
configuration, by which warm-up checkpoints and unfinished runs are known, and so trains these again.
"""

SCHEMA_VERSION = len(MIGRATIONS) + 1


def hash_plain(content: Mapping[str, Any]) -> str:
    """SHA-256 of a configuration's canonical JSON: sorted keys, no blanks."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def migrated(content: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the plain configuration of an older schema to today's."""
    found = dict(content)
    version = found.get("schema_version", 1)
    if not isinstance(version, int) or not 1 <= version <= len(MIGRATIONS) + 1:
        raise ValueError(f"schema_version {version!r} of the configuration is not known here")
    for step in MIGRATIONS[version - 1 :]:
        found = step(found)
    return {**found, "schema_version": len(MIGRATIONS) + 1}


class StrictModel(pydantic.BaseModel):
    """A mapping whose values do not change and whose unknown keys are errors."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    ADDED: ClassVar[tuple[str, ...]] = ()
    """Keys that older records lack: at their default they are neither hashed nor written, so that a record,
    checkpoint or sample from before the key existed keeps its hash."""

    @pydantic.model_serializer(mode="wrap")
    def _without_added(self, dump: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        content = dump(self)
        for key in self.ADDED:
            if getattr(self, key) == type(self).model_fields[key].get_default(
                call_default_factory=True
            ):
                content.pop(key, None)
        return content


Frozen = StrictModel  # its name before; in a project about frozen weights it said the wrong thing


class DataConfig(StrictModel):
    """Which data set plays which role."""

    role: str
    """What the experiment asks for: ``mnist``, ``cifar10``, …"""
    dataset: dict[str, Any]
    """Module of ``data/`` and its options (see `registry.resolve`)."""
    n_validation: int = pydantic.Field(ge=0)
    """Examples held out of the training set by seed, 0 for none; the test set is never touched."""


class OptimizerConfig(StrictModel):
    """Optimizer of the training loop; the defaults are those of pb2020, section 4.1."""

    name: Literal["amsgrad", "adam", "adamw", "sgd"] = "amsgrad"
    learning_rate: float = pydantic.Field(default=1e-3, gt=0)
    """Initial learning rate (pb2020: 0.001)."""
    momentum: float = pydantic.Field(default=0.0, ge=0, lt=1)
    """Momentum of ``sgd``; the Adam family ignores it."""
    weight_decay: float = pydantic.Field(default=0.0, ge=0)
    """pb2020 uses none."""


class TrainingConfig(StrictModel):
    """Length and schedule of a training; the defaults are those of pb2020, section 4.1."""

    ADDED = ("precision",)

    epochs: int = pydantic.Field(default=110, ge=1)
    """Epochs in all, the shared ones included."""
    shared_epochs: int = pydantic.Field(default=2, ge=0)
    """Ω: epochs of full backpropagation that all arms have in common."""
    batch_size: int = pydantic.Field(default=100, ge=1)
    """Examples a step."""
    optimizer: OptimizerConfig = OptimizerConfig()
    milestones: tuple[int, ...] = (40, 80)
    """Epochs (from 0) at which the learning rate is multiplied by ``decay``."""
    decay: float = pydantic.Field(default=0.1, gt=0, le=1)
    """Factor on the learning rate at each milestone."""
    threads: int = pydantic.Field(default=1, ge=1)
    """CPU threads of the run: part of the configuration, since it changes floating-point sums."""
    precision: Precision = "float32"
    """How the network computes, in training and in scoring (see `training.precision`)."""

    def learning_rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch."""
        n_reached = sum(epoch >= milestone for milestone in self.milestones)
        return self.optimizer.learning_rate * self.decay**n_reached

    @pydantic.model_validator(mode="after")
    def _shared_within(self) -> "TrainingConfig":
        if self.shared_epochs > self.epochs:
            raise ValueError(f"shared_epochs ({self.shared_epochs}) exceeds epochs ({self.epochs})")
        return self


class FreezingConfig(StrictModel):
    """Partial backpropagation: which weights are frozen, when and how."""

    ADDED = ("mask_batches",)

    criterion: dict[str, Any]
    """Module of ``freezing/`` and its options (see `registry.resolve`)."""
    start_epoch: int = pydantic.Field(default=2, ge=0)
    """Epoch (from 0) on whose first batch the mask is made: Ω = 2 is the paper's third epoch."""
    mode: Literal["strict", "gradient"] = "strict"
    """``strict``: frozen values never change; ``gradient``: the listing, which masks gradients only."""
    remask_every: int | None = pydantic.Field(default=None, ge=1)
    """A new mask every so many epochs (pb2020, section 3.2: 35)."""
    full_epochs_at_end: int = pydantic.Field(default=0, ge=0)
    """Last epochs with full backpropagation (pb2020, section 3.2: 1)."""
    mask_batches: int = pydantic.Field(default=1, ge=1)
    """Batches whose gradients make the mask; only the last of them is trained on (pb2020: 1)."""


class RunConfig(StrictModel):
    """Everything that determines the numbers of one run."""

    schema_version: Literal[SCHEMA_VERSION] = SCHEMA_VERSION
    scale: str
    experiment: str
    arm: str
    seed: int = pydantic.Field(ge=0)
    """Chooses initial weights, validation part, order and random masks."""
    recipe: dict[str, Any] = pydantic.Field(default_factory=lambda: {"name": "classify"})
    data: DataConfig | None = None
    network: dict[str, Any] | None = None
    training: TrainingConfig | None = None
    freezing: FreezingConfig | None = None

    @pydantic.model_validator(mode="after")
    def _freezing_starts_after_shared(self) -> "RunConfig":
        if (
            self.freezing
            and self.training
            and self.freezing.start_epoch < self.training.shared_epochs
        ):
            raise ValueError(
                f"freezing.start_epoch ({self.freezing.start_epoch}) lies inside the shared epochs "
                f"({self.training.shared_epochs}): lower training.shared_epochs"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _recipe_knows_the_precision(self) -> "RunConfig":
        name = self.recipe.get("name")
        if self.training and self.training.precision != "float32" and name not in IN_ANY_PRECISION:
            raise ValueError(
                f"recipe {name} computes in float32 alone: leave out training.precision "
                f"({self.training.precision}), or use {' or '.join(IN_ANY_PRECISION)}"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _recipe_has_its_validation(self) -> "RunConfig":
        name = self.recipe.get("name")
        if self.data and not self.data.n_validation and name not in WITHOUT_VALIDATION:
            raise ValueError(f"recipe {name} needs a validation part: data.n_validation from 1 up")
        return self

    def sha256(self) -> str:
        """Hash the full configuration, defaults included but for what was `ADDED`."""
        return hash_plain(self.model_dump(mode="json"))
