"""What all made-up runs have in common, through the real models. No number here was measured."""

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from partial_backprop import reported
from partial_backprop.inputs import Inputs, Run
from partial_backprop.record import Count, DataFacts, Provenance, Record, Selection
from partial_backprop.run_config import OptimizerConfig, RunConfig, TrainingConfig

CONFIG = Path(__file__).parents[1] / "config"
NOWHERE = Path("nowhere")
SCALE = "fake"
N_TRAIN, N_VALIDATION, N_TEST = 2000, 500, 1000
BONUS = {"last": 0.0, "best_on_validation": 0.5, "best_on_test": 1.0}
"""Rule of selection -> points of accuracy more than after the last epoch."""

PROVENANCE = Provenance(
    version="0",
    code_sha256="0" * 64,
    packages={},
    python="3",
    device="none",
    platform="none",
    threads=1,
    wall_s=1.0,
    peak_memory_bytes=1,
)
printed = functools.cache(lambda: reported.read(CONFIG))
"""The real configuration's printed numbers, read once."""


def count(percent: float, n: int = N_TEST) -> Count:
    return Count(n_correct=round(percent * n / 100), n_examples=n)


def selections(percents: Mapping[str, float], epoch: int) -> tuple[Selection, ...]:
    """What each rule selects, at one epoch."""
    return tuple(
        Selection(
            rule=rule,
            epoch=epoch,
            validation=count(percent, N_VALIDATION),
            test=count(percent),
        )
        for rule, percent in percents.items()
    )


def from_last(percent: float) -> dict[str, float]:
    """Accuracy by rule, from that after the last epoch."""
    return {rule: percent + more for rule, more in BONUS.items()}


def data(role: str = "cifar10", **changes: Any) -> DataFacts:
    """Facts of the stand-in for a role."""
    facts = {
        "role": role, "name": "digits" if role == "mnist" else "scenes", "sha256": "0" * 64,
        "n_train": N_TRAIN, "n_validation": N_VALIDATION, "n_test": N_TEST, "n_classes": 10,
        "image_shape": (1, 28, 28) if role == "mnist" else (3, 32, 32),
    }  # fmt: skip
    return DataFacts(**facts | changes)


def config(
    experiment: str,
    arm: str,
    seed: int,
    recipe: Mapping[str, Any],
    optimizer: Mapping[str, Any] | None = None,
    network: Mapping[str, Any] | None = None,
    **training: Any,
) -> RunConfig:
    """Configuration of a run; without an optimizer nothing is trained."""
    trained = None
    if optimizer is not None:
        defaults = {"shared_epochs": 0, "milestones": ()}
        trained = TrainingConfig(optimizer=OptimizerConfig(**optimizer), **defaults | training)
    return RunConfig(
        scale=SCALE,
        experiment=experiment,
        arm=arm,
        seed=seed,
        recipe=dict(recipe),
        network=network and dict(network),
        training=trained,
    )


def record(config: RunConfig, **fields: Any) -> Record:
    """Record of a configuration."""
    identity = {name: getattr(config, name) for name in ("experiment", "arm", "seed", "scale")}
    known = {"config": config, "config_sha256": config.sha256(), "provenance": PROVENANCE}
    return Record(**identity, **known, **fields)


def renamed(one: Record, experiment: str, arm: str, **fields: Any) -> Record:
    """The same record as of another run."""
    config = one.config.model_copy(update={"experiment": experiment, "arm": arm})
    known = {"experiment": experiment, "arm": arm, "config": config}
    return one.model_copy(update={**known, "config_sha256": config.sha256(), **fields})


def inputs(records: Iterable[Record], folder: Path = NOWHERE, **fields: Any) -> Inputs:
    """Runs, which seem to lie in a folder, and the real printed numbers."""
    runs = [
        Run(folder / one.experiment / one.arm / f"seed{one.seed}" / "record.json", one)
        for one in records
    ]
    ordered = tuple(sorted(runs, key=lambda run: run.key))
    return Inputs(SCALE, "made-up numbers", ordered, (), printed(), **fields)
