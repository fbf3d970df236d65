"""Pictures in folders, one a class, in torchvision's ImageFolder layout; meant for ImageNet."""

import os
from pathlib import Path

import numpy as np

from partial_backprop.data.dataset import Dataset
from partial_backprop.data.examples import Examples, balanced
from partial_backprop.data.files import damaged
from partial_backprop.data.pictures import DeepPixels, crop_to_square, decode, pixels
from partial_backprop.errors import UserError

SUFFIXES = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's usual normalisation, that of torchvision's models."""


def _leftover(path: Path, folder: Path) -> bool:
    """Tell files that programs leave behind: hidden ones, as Jupyter's, and macOS's in archives."""
    return any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)


def _classes(folder: Path) -> tuple[str, ...]:
    found = sorted(p.name for p in folder.glob("*") if p.is_dir() and not _leftover(p, folder))
    if not found:
        raise UserError(
            f"there are no class folders in {folder}: put one there for each class, with its "
            "pictures, or set data_root to the folder above"
        )
    return tuple(found)


def _list(folder: Path, classes: tuple[str, ...]) -> tuple[list[Path], np.ndarray]:
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        files = sorted(
            path
            for path in (folder / name).rglob("*")
            if path.suffix.lower() in SUFFIXES and not _leftover(path, folder)
        )
        if not files:
            raise UserError(f"{folder / name} has no pictures: add some, or remove the class")
        paths += files
        labels += [label] * len(files)
    return paths, np.array(labels, dtype=np.int64)


def _check_memory(n_images: int, image_size: int) -> None:
    needed = 2 * n_images * 3 * image_size**2  # twice: the validation part is split off by copying
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > memory:
        raise UserError(
            f"{n_images} images of {image_size}×{image_size} need {needed / 2**30:.0f} GiB of "
            f"memory and there are {memory / 2**30:.0f}: lower n_train, n_test or image_size"
        )


def _read(
    paths: list[Path], image_size: int, pixel_range: tuple[float, float] | None
) -> np.ndarray:
    images = np.empty((len(paths), 3, image_size, image_size), dtype=np.uint8)
    for i, path in enumerate(paths):
        try:
            picture, _ = decode(path.read_bytes(), pixel_range)
        except DeepPixels as error:
            raise UserError(
                f"{path} has {error}: set pixel_range to the values of black and white in all "
                "pictures, such as [0, 65535], or store them with 8 bits"
            ) from None
        except (OSError, ValueError) as error:
            raise damaged(path, f"is {error}") from None
        images[i] = pixels(crop_to_square(picture, image_size))
    return images


def load(
    root: Path,
    *,
    # Folder below it; its name is the name of the data set
    folder: str = "imagenet",
    # Side of the square that each picture is scaled and cropped to, pixels
    image_size: int = 224,
    # n_train, n_test: how many images, chosen evenly over the classes; None takes all
    n_train: int | None = None,
    n_test: int | None = None,
    # Values of black and white in pictures of more than 8 bits a pixel, such as ``[0, 4095]``;
    # without it such pictures are refused. Pictures of 8 bits stay as they are
    pixel_range: tuple[float, ...] | None = None,
) -> Dataset:
    """Load pictures from ``FOLDER/train/CLASS/`` and ``FOLDER/val/CLASS/``."""
    # *Departures*: all pictures are held in memory in one fixed crop, as the training loop wants
    # them; training on ImageNet usually draws random crops. The whole of ImageNet at 224 pixels
    # takes 180 GiB, and twice that to split. Hidden files and folders, which torchvision reads, are
    # passed over.
    if image_size < 1:
        raise UserError(f"image_size is {image_size}: choose 1 or more pixels")
    if pixel_range is not None and (len(pixel_range) != 2 or not pixel_range[0] < pixel_range[1]):
        raise UserError(
            f"pixel_range is {list(pixel_range)}: give two values, the smaller one first"
        )
    train_folder, val_folder = root / folder / "train", root / folder / "val"
    classes = _classes(train_folder)
    if _classes(val_folder) != classes:
        other = sorted(set(classes) ^ set(_classes(val_folder)))
        raise UserError(
            f"{train_folder} and {val_folder} differ in the class {other[0]!r}: both need all classes"
        )
    parts = []
    for path, n, what in ((train_folder, n_train, "training"), (val_folder, n_test, "test")):
        files, labels = _list(path, classes)
        chosen = balanced(labels, n, f"{what} images of {folder}")
        parts.append(([files[i] for i in chosen], labels[chosen]))
    _check_memory(sum(len(files) for files, _ in parts), image_size)
    train, test = (
        Examples(_read(files, image_size, pixel_range), labels) for files, labels in parts
    )
    return Dataset(Path(folder).name, train, test, classes, MEAN, STD)
