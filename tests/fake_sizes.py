"""Synthetic records of weight pruning, made through the real models.

For tests only: no number here was measured. Bytes are round, so that a test can read off what a cell or
a sentence must say.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from partial_backprop import reported
from partial_backprop.inputs import Inputs, Run
from partial_backprop.measurements import sizes
from partial_backprop.record import (
    Count,
    DataFacts,
    NetworkFacts,
    Provenance,
    Record,
    Selection,
)
from partial_backprop.run_config import OptimizerConfig, RunConfig, TrainingConfig

CONFIG = Path(__file__).parents[1] / "config"
MIB = 2**20
N_TEST, N_VALIDATION = 1000, 500

FILES = {
    "unpruned": (4.0, 3.6, 3.5),
    "training_state": (15.8, 8.0, 8.2),
    "training_state_masked": (15.8, 3.2, 3.3),
    "masks": (8.0, 1.2, 1.3),
    "weights": (4.0, 0.9, 1.0),
    "sparse": (0.8, 0.75, 0.7),
}
"""What a file holds -> MiB as it is, zipped, and by zstd."""

N_VALUES = {"unpruned": 1000, "training_state": 3960}
"""Numbers in a file, where a sentence tells of them."""

ACCURACY = {"unpruned": 80.0, "pruned": 82.0, "dense": 85.0}
"""Network -> percent correct after the last epoch, at seed 0."""

LOSS = {"unpruned": 0.75, "pruned": 0.5, "dense": 0.25}


def _count(percent: float, n: int) -> Count:
    return Count(n_correct=round(percent * n / 100), n_examples=n)


def _worth(name: str, more: float) -> sizes.Worth:
    percent = ACCURACY[name] + more
    return sizes.Worth(
        validation=_count(percent, N_VALIDATION), test=_count(percent, N_TEST), test_loss=LOSS[name]
    )


def report(
    arm: str,
    seed: int,
    files: Mapping[str, tuple[float, float, float]] = FILES,
    n_same: int = N_TEST,
) -> sizes.SizesReport:
    """Make up what an arm measures."""
    shares = (0.5, 0.75, 0.8) if arm == "pruned" else (0.0, 0.0, 0.0)
    return sizes.SizesReport(
        start="cnn_training/float",
        unpruned=_worth("unpruned", seed),
        pruned=_worth(arm, seed),
        schedule=tuple(
            sizes.Pruning(step=100 * place, share=share) for place, share in enumerate(shares)
        ),
        layers=tuple(
            sizes.Layer(name=name, n_weights=n, n_zeros=round(shares[-1] * n))
            for name, n in (("conv2d", 100), ("dense", 900))
        ),
        files=tuple(
            sizes.File(
                content=content,
                n_values=N_VALUES.get(content, 2000),
                n_bytes=round(plain * MIB),
                n_bytes_zip=round(zipped * MIB),
                n_bytes_zstd=round(zstd * MIB),
            )
            for content, (plain, zipped, zstd) in files.items()
        ),
        n_same_outputs=n_same,
    )


def record(arm: str, seed: int, made: sizes.SizesReport) -> Record:
    """Make up a run."""
    config = RunConfig(
        scale="fake",
        experiment=sizes.EXPERIMENT,
        arm=arm,
        seed=seed,
        recipe={"name": "weight_prune", "start": "cnn_training/float", "frequency": 100},
        training=TrainingConfig(
            epochs=2,
            shared_epochs=0,
            batch_size=128,
            optimizer=OptimizerConfig(name="adam"),
            milestones=(),
        ),
    )
    bonus = {"last": 0, "best_on_validation": 0.5, "paper_protocol": 1}
    return Record(
        experiment=sizes.EXPERIMENT,
        arm=arm,
        seed=seed,
        scale="fake",
        config=config,
        config_sha256=config.sha256(),
        data=DataFacts(
            role="cifar10",
            name="scenes",
            sha256="0" * 64,
            n_train=2000,
            n_validation=N_VALIDATION,
            n_test=N_TEST,
            n_classes=10,
            image_shape=(3, 32, 32),
        ),
        network=NetworkFacts(name="keras_cnn", n_parameters=551722, full_size=True),
        selections=tuple(
            Selection(
                rule=rule,
                epoch=1,
                validation=_count(ACCURACY[arm] + seed + more, N_VALIDATION),
                test=_count(ACCURACY[arm] + seed + more, N_TEST),
            )
            for rule, more in bonus.items()
        ),
        measurements={sizes.KEY: made.model_dump(mode="json")},
        provenance=Provenance(
            version="0",
            code_sha256="0" * 64,
            packages={},
            python="3",
            device="none",
            platform="none",
            threads=1,
            wall_s=1.0,
            peak_memory_bytes=1,
        ),
    )


def inputs(
    arms: Iterable[str] = ("pruned", "dense"), seeds: Iterable[int] = (0,), **made: object
) -> Inputs:
    """Make up what the table and the sentences read."""
    runs = [
        Run(Path("nowhere/record.json"), record(arm, seed, report(arm, seed, **made)))
        for arm in arms
        for seed in seeds
    ]
    return Inputs(
        scale="fake",
        title="made-up numbers",
        runs=tuple(sorted(runs, key=lambda run: run.key)),
        gradients=(),
        reported=reported.read(CONFIG),
    )
