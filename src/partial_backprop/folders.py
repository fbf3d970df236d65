"""Folders of experiments: all that belongs to one experiment lies in one folder, and is found there.

A folder lies in the package `partial_backprop.experiments`, or in ``experiments/`` of the configuration
folder, where one stands in for that of the package with its name. What may lie in it: ``about.yaml`` (its
place and its names in print), ``NAME.yaml`` (an experiment), ``run_NAME.py`` (a recipe), ``rows.py`` (numbers
of the results frame), ``tables.yaml``, ``figure_NAME.py``, ``captions.yaml``, ``claims.yaml``,
``NN_NAME.tex.j2`` (a section of the paper), and whatever modules these import.
"""

import functools
import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from pydantic import Field

from partial_backprop import experiments
from partial_backprop.errors import UserError
from partial_backprop.files import read_checked
from partial_backprop.run_config import StrictModel

NAME = "experiments"
"""Folder of the configuration folder that may have folders of the user's own."""

ABOUT = "about.yaml"


class Recipe(StrictModel):
    """What the workflow must know of a recipe."""

    leaves: tuple[str, ...] = ("history.csv", "weights.pt")
    """Files beside the record."""
    start: str = "weights.pt"
    """File of the run that ``start`` names."""
    shares_epochs: bool = False
    """Whether arms may share their first epochs, which the arm ``trunk`` trains."""
    first: bool = False
    """Whether its runs come before others, since those wait for them."""


SHARED = {
    "classify": Recipe(leaves=("history.csv", "weights.pt", "mask.pt"), shares_epochs=True),
    "pretrain": Recipe(first=True),
}
"""Those of `recipes`, which experiments of several folders follow."""


class About(StrictModel):
    """``about.yaml``: the place of a folder, and names in print."""

    order: float = 1000
    """Place among the folders, from low to high; equal ones by name."""
    experiments: dict[str, str] = Field(default_factory=dict)
    """Experiment -> its name in print, in the order of the paper."""
    arms: dict[str, str] = Field(default_factory=dict)
    """Arm -> its name in print, in the order of tables."""
    networks: dict[str, str] = Field(default_factory=dict)
    """Network -> its name in print."""
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """What the paper's templates call some experiments together: the folder's name means all of them."""
    recipes: dict[str, Recipe] = Field(default_factory=dict)
    """Recipe -> what it leaves and needs, where that is not the usual."""


class Folder(NamedTuple):
    """A folder of experiments."""

    path: Path
    about: About

    @property
    def name(self) -> str:
        """Its name, which is that of its package too."""
        return self.path.name

    def experiments(self) -> dict[str, Path]:
        """Experiments with their files, those that `about` names first and in its order."""
        found = {path.stem: path for path in sorted(self.path.glob("*.yaml"))}
        names = [*(name for name in self.about.experiments if name in found), *found]
        return {name: found[name] for name in names if not _is_reserved(name)}


def _is_reserved(stem: str) -> bool:
    return stem in ("about", "captions", "claims", "tables") or stem.startswith("tables_")


def roots(directory: Path | None = None) -> list[Path]:
    """List where folders are looked for; the configuration's own place comes first."""
    own = [directory / NAME] if directory is not None and (directory / NAME).is_dir() else []
    found = {path.resolve(): path for path in [*own, *map(Path, experiments.__path__)]}
    return list(found.values())


def use(directory: Path) -> None:
    """Let modules of the configuration's own folders be imported as those of the package are."""
    own = str((directory / NAME).resolve())
    if Path(own).is_dir() and own not in experiments.__path__:
        experiments.__path__.append(own)


def folders(directory: Path | None = None) -> tuple[Folder, ...]:
    """List the folders in their order."""
    return _folders(_seen(directory))


Seen = tuple[tuple[Path, int, int], ...]


def _seen(directory: Path | None) -> Seen:
    """Folders, and when they and what is about them changed: asked for each run, so nothing is read here."""
    found: dict[str, tuple[Path, int, int]] = {}
    for root in roots(directory):
        for entry in os.scandir(root):
            if entry.is_dir() and not entry.name.startswith(("_", ".")):
                about = os.path.join(entry.path, ABOUT)
                changed = os.stat(about).st_mtime_ns if os.path.exists(about) else 0
                seen = Path(entry.path), entry.stat().st_mtime_ns, changed
                found.setdefault(entry.name, seen)
    return tuple(sorted(found.values()))


@functools.lru_cache(maxsize=64)
def _folders(seen: Seen) -> tuple[Folder, ...]:
    found = []
    for path, _, changed in seen:
        found.append(Folder(path, read_checked(About, path / ABOUT) if changed else About()))
    return tuple(sorted(found, key=lambda folder: (folder.about.order, folder.name)))


def names(kind: str) -> dict[str, str]:
    """Names in print of ``experiments``, ``arms`` or ``networks``, in the order of the folders."""
    return _names(_seen(None), kind)


@functools.lru_cache(maxsize=64)
def _names(seen: Seen, kind: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for folder in _folders(seen):
        for key, name in getattr(folder.about, kind).items():
            found.setdefault(key, name)
    return found


def about(folder: str) -> About:
    """What a folder says about itself."""
    return next((one.about for one in folders() if one.name == folder), About())


def groups(directory: Path | None = None) -> dict[str, tuple[str, ...]]:
    """What the paper's templates speak of together -> its experiments."""
    found: dict[str, tuple[str, ...]] = {}
    for folder in folders(directory):
        found |= {folder.name: tuple(folder.experiments())} | folder.about.groups
    return found


def recipe(name: str, directory: Path | None = None) -> Recipe:
    """What the workflow must know of a recipe: as a folder says, or the usual."""
    told = (one.about.recipes[name] for one in folders(directory) if name in one.about.recipes)
    return next(told, SHARED.get(name, Recipe()))


def experiment(name: str, directory: Path | None = None) -> Path:
    """Find the file of an experiment."""
    found = every_experiment(directory)
    if name not in found:
        raise UserError(f"there is no experiment {name!r}: there are {', '.join(sorted(found))}")
    return found[name]


def every_experiment(directory: Path | None = None) -> dict[str, Path]:
    """All experiments with their files, in the order of the folders.

    A single file in the configuration's own place is an experiment, too, and stands in for one of its name.
    """
    own = sorted((directory / NAME).glob("*.yaml")) if directory is not None else []
    return _experiments(_seen(directory)) | {path.stem: path for path in own}


@functools.lru_cache(maxsize=64)
def _experiments(seen: Seen) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in _folders(seen):
        for name, path in folder.experiments().items():
            if name in found:
                raise UserError(f"{found[name]} and {path} have one name: rename one")
            found[name] = path
    return found


def files(pattern: str, directory: Path | None = None) -> Iterator[tuple[Folder, Path]]:
    """Files of all folders whose names match a pattern, each with its folder."""
    for folder in folders(directory):
        for path in sorted(folder.path.glob(pattern)):
            yield folder, path


def modules(name: str) -> list[ModuleType]:
    """Import the modules of a file name in all folders."""
    found = [module(path) for _, path in files(name)]
    return [importlib.import_module(f"partial_backprop.{one}") for one in found]


def module(path: Path) -> str:
    """Name a module of a folder as the rest of the package calls it: ``experiments.FOLDER.STEM``."""
    return f"{NAME}.{path.parent.name}.{path.stem}"
