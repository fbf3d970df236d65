"""Synthetic records of weight pruning, made through the real models.

For tests only: no number here was measured. Bytes are round, so that a test can read off what a cell or
a sentence must say.
"""

from collections.abc import Iterable, Mapping

from tests import made as made_up

from partial_backprop.experiments.weight_pruning import results as sizes
from partial_backprop.inputs import Inputs
from partial_backprop.record import (
    NetworkFacts,
    Record,
)

MIB = 2**20

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


def _worth(name: str, more: float) -> sizes.Worth:
    percent = ACCURACY[name] + more
    return sizes.Worth(
        validation=made_up.count(percent, made_up.N_VALIDATION),
        test=made_up.count(percent),
        test_loss=LOSS[name],
    )


def report(
    arm: str,
    seed: int,
    files: Mapping[str, tuple[float, float, float]] = FILES,
    n_same: int = made_up.N_TEST,
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
    config = made_up.config(
        sizes.EXPERIMENT,
        arm,
        seed,
        {"name": "weight_prune", "start": "cnn_training/float", "frequency": 100},
        {"name": "adam"},
        epochs=2,
        batch_size=128,
    )
    return made_up.record(
        config,
        data=made_up.data(),
        network=NetworkFacts(name="keras_cnn", n_parameters=551722, full_size=True),
        selections=made_up.selections(made_up.from_last(ACCURACY[arm] + seed), epoch=1),
        measurements={sizes.KEY: made.model_dump(mode="json")},
    )


def inputs(
    arms: Iterable[str] = ("pruned", "dense"), seeds: Iterable[int] = (0,), **made: object
) -> Inputs:
    """Make up what the table and the sentences read."""
    return made_up.inputs(
        record(arm, seed, report(arm, seed, **made)) for arm in arms for seed in seeds
    )
