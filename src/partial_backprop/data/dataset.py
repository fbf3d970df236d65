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
    """A data set as its source divides it, with the facts that networks and tables need.

    Parameters
    ----------
    name : str
        Name by which records call it: that of the data that ran, never of what it stands for.
    train, test : Examples
        The source's own two parts, of one image shape.
    classes : tuple of str
        Name of each class, in the order of the labels.
    mean, std : tuple of float, of length C
        Normalisation of each channel, for pixels scaled to [0, 1].

    Raises
    ------
    ValueError
        If the parts disagree in image shape, a label has no class, or a constant no channel.
    """

    name: str
    train: Examples
    test: Examples
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        """Hold the parts to one another."""
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
    """Hash the images and labels of a data set.

    Parameters
    ----------
    dataset : Dataset
        The training and test examples as they are used, subsets taken.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits, over the shape, pixels and labels of the training part and
        then of the test part; independent of the arrays' memory layout and byte order.
    """
    digest = hashlib.sha256()
    for part in (dataset.train, dataset.test):
        digest.update(repr(tuple(map(int, part.images.shape))).encode())
        digest.update(np.ascontiguousarray(part.images))
        digest.update(np.ascontiguousarray(part.labels, dtype="<i8"))
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Splits:
    """The three parts that a run sees.

    Parameters
    ----------
    facts : DataFacts
        Role, name, checksum and sizes, for the record.
    train, validation, test : Examples
        Training examples, those held out of them (None for none), and the source's test set.
    classes : tuple of str
        Name of each class.
    mean, std : tuple of float, of length C
        Normalisation of each channel, for pixels scaled to [0, 1].
    """

    facts: "DataFacts"
    train: Examples
    validation: Examples | None
    test: Examples
    classes: tuple[str, ...]
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
    """Load the data set of a configuration and hold its validation part out.

    Parameters
    ----------
    data : DataConfig
        Role, data set with its options, and size of the validation part.
    root : pathlib.Path
        Folder with the real data sets (``data_root``).
    seed : int
        Seed of the run, which chooses the validation part; the test set does not depend on it.

    Returns
    -------
    Splits
        Training, validation and test examples with their facts.

    Raises
    ------
    UserError
        If the name, an option, a size or a data file is wrong, or the data have no classes.
    """
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
