"""What a data set is, and what a run sees of it; numpy only."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from partial_backprop import registry
from partial_backprop.data.examples import Examples, hold_out
from partial_backprop.errors import UserError
from partial_backprop.files import at_home

if TYPE_CHECKING:
    from partial_backprop.record import DataFacts
    from partial_backprop.run_config import DataConfig


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set as its source divides it, with the facts that networks and tables need."""

    # name by which records call it: that of the data that ran, never of what it stands for
    name: str
    # train, test: the source's own two parts, of one image shape
    train: Examples
    test: Examples
    classes: tuple[str, ...]  # name of each class, in the order of the labels
    # mean, std: of length C; normalisation of each channel, for pixels scaled to [0, 1]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the parts against one another."""
        if self.train.images.shape[1:] != self.test.images.shape[1:]:
            raise ValueError(
                f"{self.name}: training images are {self.train.images.shape[1:]}, "
                f"test images {self.test.images.shape[1:]}"
            )
        largest = max(self.train.labels.max(), self.test.labels.max())
        if largest >= self.n_classes:
            raise ValueError(f"{self.name}: label {largest}, but only {self.n_classes} classes")
        if not len(self.mean) == len(self.std) == self.image_shape[0] or min(self.std) <= 0:
            raise ValueError(f"{self.name}: mean and std need one value a channel, std above 0")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return self.train.images.shape[1:]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)


def checksum(dataset: Dataset) -> str:
    """Hash the images and labels of a data set."""
    digest = hashlib.sha256()
    for part in (dataset.train, dataset.test):
        digest.update(repr(tuple(map(int, part.images.shape))).encode())
        digest.update(np.ascontiguousarray(part.images))
        digest.update(np.ascontiguousarray(part.labels, dtype="<i8"))
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Splits:
    """The three parts that a run sees."""

    facts: "DataFacts"  # role, name, checksum and sizes, for the record
    # train, validation, test: training examples, those held out of them (None for none), and the
    # source's test set
    train: Examples
    validation: Examples | None
    test: Examples
    classes: tuple[str, ...]  # name of each class
    # mean, std: of length C; normalisation of each channel, for pixels scaled to [0, 1]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return self.facts.image_shape

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return self.facts.n_classes


def load_splits(data: "DataConfig", root: Path, seed: int) -> Splits:
    """Load the data set of a configuration and hold its validation part out."""
    from partial_backprop.record import DataFacts

    spec = registry.resolve("data", data.dataset)
    name = spec.pop("name")
    dataset = registry.load("data", name)(Path(root), **at_home(spec))
    if not isinstance(dataset, Dataset):
        raise UserError(
            f"{name} has captions and no classes: let another data set play the role {data.role}"
        )
    train, validation = dataset.train, None
    if data.n_validation:
        train, validation = hold_out(dataset.train, data.n_validation, seed)
    facts = DataFacts(
        role=data.role,
        name=dataset.name,
        sha256=checksum(dataset),
        n_train=len(train),
        n_validation=data.n_validation,
        n_test=len(dataset.test),
        n_classes=dataset.n_classes,
        image_shape=dataset.image_shape,
    )
    return Splits(
        facts, train, validation, dataset.test, dataset.classes, dataset.mean, dataset.std
    )
