"""CIFAR-10: 60,000 photographs of 32×32 coloured pixels, as published."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from partial_backprop.data.dataset import Dataset
from partial_backprop.data.examples import Examples, subset
from partial_backprop.data.files import check_md5, content_of, damaged, fetch

FOLDER = "cifar-10-batches-py"
TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST = ("test_batch",)
MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
"""Of each file, as torchvision lists them."""

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
"""Normalisation of pb2020's listing. Its standard deviations are the mean over images of each
image's own; over all pixels of the training set they would be about (0.247, 0.243, 0.262)."""

_reconstruct = np.empty(0).__reduce__()[0]
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickle arrays, lists, dictionaries and strings, and refuse everything else."""

    def find_class(self, module: str, name: str) -> Any:
        """Look a global name up among those that an array needs."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _ALLOWED[module, name]


def read_batch(path: Path, md5: str) -> Examples:
    """Read one batch file."""
    content = content_of(path)
    check_md5(path, content, md5)
    try:
        batch = _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
        images = batch["data"].reshape(-1, 3, 32, 32)
        examples = Examples(images, np.array(batch["labels"], dtype=np.int64))
    except Exception as error:  # a damaged pickle can fail in any way
        raise damaged(path, f"holds no batch of CIFAR-10 ({error})") from None
    if examples.labels.max() >= len(CLASSES):
        raise damaged(path, f"has a label {examples.labels.max()}, but there are 10 classes")
    return examples


def _read_part(folder: Path, names: tuple[str, ...]) -> Examples:
    batches = [read_batch(folder / name, MD5[name]) for name in names]
    return Examples(
        np.concatenate([batch.images for batch in batches]),
        np.concatenate([batch.labels for batch in batches]),
    )


def load(root: Path, *, n_train: int | None = None, n_test: int | None = None) -> Dataset:
    """Load CIFAR-10 from ``cifar-10-batches-py``, or download it."""
    # Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", University of
    # Toronto, 2009; normalisation: pb2020, appendix.
    # `n_train`: n_train, n_test: how many of the 50,000 and 10,000 images, chosen evenly over the
    # classes; None takes all
    fetch("CIFAR10", root / FOLDER, TRAIN + TEST)
    return Dataset(
        name="cifar10",
        train=subset(_read_part(root / FOLDER, TRAIN), n_train, "training images of cifar10"),
        test=subset(_read_part(root / FOLDER, TEST), n_test, "test images of cifar10"),
        classes=CLASSES,
        mean=MEAN,
        std=STD,
    )
