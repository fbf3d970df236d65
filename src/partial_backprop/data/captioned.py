"""Images with captions, and what a run sees of them; numpy only.

Shapes: N images, C channels, H height, W width (pixels).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from partial_backprop import registry
from partial_backprop.errors import UserError
from partial_backprop.files import at_home

if TYPE_CHECKING:
    from partial_backprop.record import DataFacts
    from partial_backprop.run_config import DataConfig

N_CAPTIONS = 5
"""Captions of each image in a run (pb2020, section 4.2)."""


class Images(Protocol):
    """What images offer, decoded or not: arrays do, and so do `CompressedPictures`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, channels, height and width."""

    def __len__(self) -> int: ...

    def __getitem__(self, which: slice | Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the pixels of some, uint8 of shape (n, C, H, W)."""


@dataclass(frozen=True, eq=False)
class CaptionedImages:
    """Images, each with its captions."""

    # of shape (N, 3, H, W); pixel values from 0 to 255, which ``images[indices]`` gives; N is at
    # least 1
    images: Images
    # at least one caption for each image, as the source writes it
    captions: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        """Check the two against one another."""
        if not 1 <= len(self.images) == len(self.captions):
            raise ValueError(
                f"{len(self.images)} images, but {len(self.captions)} sets of captions"
            )
        if not all(self.captions):
            raise ValueError(f"image {self.captions.index(())} has no caption")

    def __len__(self) -> int:
        return len(self.captions)


@dataclass(frozen=True, eq=False)
class CaptionedDataset:
    """A data set with captions as its source divides it."""

    # name by which records call it: that of the data that ran, never of what it stands for
    name: str
    # train, validation, test: the source's own three parts, of one image shape
    train: CaptionedImages
    validation: CaptionedImages
    test: CaptionedImages
    # mean, std: of length C; normalisation of each channel, for pixels scaled to [0, 1]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the parts against one another."""
        shapes = {part.images.shape[1:] for part in self.parts}
        if len(shapes) > 1:
            raise ValueError(f"{self.name}: its parts have images of {sorted(shapes)}")

    @property
    def parts(self) -> tuple[CaptionedImages, CaptionedImages, CaptionedImages]:
        """Training, validation and test part."""
        return self.train, self.validation, self.test


def how_many(n: int | None, n_present: int, what: str) -> int:
    """Decide how many of some images are taken: the first ones."""
    if n is None:
        return n_present
    if not 1 <= n <= n_present:
        raise UserError(f"{n} {what} were asked for: choose from 1 to {n_present}, or null for all")
    return n


def checksum(dataset: CaptionedDataset) -> str:
    """Hash the images and captions of a data set."""
    digest = hashlib.sha256()
    for part in dataset.parts:
        if isinstance(part.images, np.ndarray):
            digest.update(repr(tuple(map(int, part.images.shape))).encode())
            digest.update(np.ascontiguousarray(part.images))
        else:
            digest.update(part.images.fingerprint())
        digest.update(json.dumps(part.captions).encode())
    return digest.hexdigest()


def five_each(part: CaptionedImages, seed: int, number: int) -> CaptionedImages:
    """Give each image five captions."""
    # Source: pb2020, section 4.2: "randomly sample from any present caption (5-present captions)
    # times if the 5 captions are not present"
    found = []
    for index, present in enumerate(part.captions):
        captions = present[:N_CAPTIONS]
        if len(captions) < N_CAPTIONS:
            draws = np.random.default_rng([seed, number, index]).random(N_CAPTIONS - len(captions))
            captions += tuple(present[int(len(present) * draw)] for draw in draws)
        found.append(captions)
    return replace(part, captions=tuple(found))


@dataclass(frozen=True, eq=False)
class CaptionedSplits:
    """The three parts that a run sees, each image with five captions."""

    # role, name, checksum and numbers of images, for the record; there are no classes
    facts: "DataFacts"
    # train, validation, test: the source's own parts
    train: CaptionedImages
    validation: CaptionedImages
    test: CaptionedImages
    # mean, std: of length C; normalisation of each channel, for pixels scaled to [0, 1]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def load_captioned(data: "DataConfig", root: Path, seed: int) -> CaptionedSplits:
    """Load the captioned data set of a configuration."""
    from partial_backprop.record import DataFacts

    spec = registry.resolve("data", data.dataset)
    name = spec.pop("name")
    if "n_validation" not in spec:
        raise UserError(
            f"{name} has classes and no captions: let a captioned data set, such as flickr8k or "
            f"captioned_scenes, play the role {data.role}"
        )
    if spec["n_validation"] not in (None, data.n_validation):
        raise UserError(
            f"n_validation is {data.n_validation} for the role {data.role}, but "
            f"{spec['n_validation']} for {name}: leave the latter out"
        )
    spec = at_home(spec | {"n_validation": data.n_validation})
    dataset = registry.load("data", name)(Path(root), **spec)
    facts = DataFacts(
        role=data.role,
        name=dataset.name,
        sha256=checksum(dataset),
        n_train=len(dataset.train),
        n_validation=len(dataset.validation),
        n_test=len(dataset.test),
        image_shape=dataset.train.images.shape[1:],
    )
    parts = (five_each(part, seed, number) for number, part in enumerate(dataset.parts))
    return CaptionedSplits(facts, *parts, dataset.mean, dataset.std)
