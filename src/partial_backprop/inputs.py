"""What tables, figures and the paper are made from: records and gradient samples, read and checked."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from partial_backprop import config, gradients, performance, record, reported
from partial_backprop.errors import UserError
from partial_backprop.gradients import GradientSample
from partial_backprop.performance import Performance
from partial_backprop.record import Record
from partial_backprop.reported import Reported

HISTORY_COLUMNS = (
    "epoch",
    "learning_rate",
    "train_loss",
    "train_n_correct",
    "train_n_examples",
    "validation_loss",
    "validation_n_correct",
    "validation_n_examples",
    "test_loss",
    "test_n_correct",
    "test_n_examples",
)
"""Columns of a ``history.csv``; it has one row an epoch, from epoch 0. Those of the validation part are
absent where there is none."""


@dataclasses.dataclass(frozen=True)
class Run:
    """A record and the place where it lies."""

    path: Path  # the ``record.json``
    record: Record  # its content
    # whether today's configuration resolves to the record's; only published records may differ
    current: bool = True

    @property
    def key(self) -> tuple[str, str, int]:
        """Experiment, arm and seed."""
        return self.record.experiment, self.record.arm, self.record.seed

    @property
    def epochs(self) -> int:
        """Epochs of training: none where weights were taken from a file, or nothing learned so."""
        training = self.record.config.training
        return (
            0 if training is None or "checkpoint" in self.record.measurements else training.epochs
        )

    def history(self) -> pd.DataFrame:
        """Read the run's course, epoch by epoch."""
        path = self.path.with_name("history.csv")
        remedy = f"delete {self.path} and run its training again"
        try:
            frame = pd.read_csv(path)
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}; {remedy}") from None
        except ValueError as error:  # pandas' parser errors are ValueErrors
            raise UserError(
                f"{path} is damaged ({' '.join(str(error).split())}): {remedy}"
            ) from None
        data = self.record.data
        if data is not None and not data.n_validation:
            absent = [name for name in HISTORY_COLUMNS if name.startswith("validation_")]
            frame = frame.assign(**dict.fromkeys(absent, float("nan")))
        missing = [column for column in HISTORY_COLUMNS if column not in frame]
        if missing:
            raise UserError(f"{path} has no column {', '.join(missing)}: {remedy}")
        epochs = self.epochs
        if frame["epoch"].tolist() != list(range(epochs)):
            raise UserError(f"{path} does not hold each of the {epochs} epochs once: {remedy}")
        return frame[list(HISTORY_COLUMNS)]


@dataclasses.dataclass(frozen=True)
class Inputs:
    """All that a table or figure may read."""

    scale: str  # name of the scale
    title: str  # what the scale is, in a line
    runs: tuple[Run, ...]  # runs, sorted by experiment, arm and seed
    gradients: tuple[GradientSample, ...]  # gradient samples, sorted by experiment and seed
    reported: Reported  # numbers printed in the sources
    # what benchmarks found, sorted by name; of no scale, and there may be none
    performance: tuple[Performance, ...] = ()
    # the configuration folder, which has the claims of the sources; None has none
    config_dir: Path | None = None
    # whence the fixed thresholds of the scale's networks (see `config_files.Scale`)
    thresholds: str = "printed"
    experiments: frozenset[str] = frozenset()  # those of the scale, whether or not they ran

    def planned(self) -> set[str]:
        """Name the experiments that ran or belong to the scale."""
        return {run.record.experiment for run in self.runs} | self.experiments


def _is_current(found: Record | GradientSample, directory: Path) -> bool:
    arm = found.arm if isinstance(found, Record) else config.TRUNK
    now = config.resolve(found.scale, found.experiment, arm, found.seed, directory)
    if isinstance(found, Record):
        return config.is_same(found.config, now)
    return now.sha256() == found.config_sha256


def _checked(path: Path, found: Record | GradientSample, scale: str, directory: Path) -> bool:
    if config.read_scale(scale, directory).published:
        try:
            return _is_current(found, directory)
        except UserError:  # the experiment may be gone from the configuration since
            return False
    if found.scale != scale:
        raise UserError(
            f"{path} is of scale {found.scale}, not {scale}: delete it and run it again"
        )
    if not _is_current(found, directory):
        raise UserError(
            f"{path} was made with another configuration, which has changed since: "
            "run it again, or restore the configuration"
        )
    return True


def read_runs(
    paths: Iterable[Path], *, scale: str | None = None, config_dir: Path = config.CONFIG_DIR
) -> tuple[Run, ...]:
    """Read records."""
    runs: dict[tuple[str, str, int], Run] = {}
    for path in sorted(set(map(Path, paths))):
        found = record.read(path)
        current = True if scale is None else _checked(path, found, scale, config_dir)
        run = Run(path, found, current)
        if run.key in runs:
            raise UserError(f"{path} and {runs[run.key].path} are of the same run: delete one")
        runs[run.key] = run
    return tuple(runs[key] for key in sorted(runs))


def read_gradients(
    paths: Iterable[Path], *, scale: str | None = None, config_dir: Path = config.CONFIG_DIR
) -> tuple[GradientSample, ...]:
    """Read gradient samples."""
    samples: dict[tuple[str, int], GradientSample] = {}
    for path in sorted(set(map(Path, paths))):
        sample = gradients.read(path)
        if scale is not None:
            _checked(path, sample, scale, config_dir)
        key = sample.experiment, sample.seed
        if key in samples:
            raise UserError(f"{path} is of the same run as another file, {key}: delete one")
        samples[key] = sample
    return tuple(samples[key] for key in sorted(samples))


def read_inputs(
    scale: str,
    records: Iterable[Path],
    gradients: Iterable[Path] = (),
    config_dir: Path = config.CONFIG_DIR,
    benchmarks: Iterable[Path] = (),
) -> Inputs:
    """Read and check all that tables and figures draw on."""
    the_scale = config.read_scale(scale, config_dir)
    return Inputs(
        scale=scale,
        title=the_scale.title,
        runs=read_runs(records, scale=scale, config_dir=config_dir),
        gradients=read_gradients(gradients, scale=scale, config_dir=config_dir),
        reported=reported.read(config_dir),
        performance=performance.read(benchmarks),
        config_dir=config_dir,
        thresholds=the_scale.thresholds,
        experiments=frozenset(the_scale.experiments),
    )
