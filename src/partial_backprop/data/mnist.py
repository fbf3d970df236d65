"""MNIST: 70,000 handwritten digits of 28×28 grey pixels."""

from pathlib import Path

from partial_backprop.data.dataset import Dataset
from partial_backprop.data.idx import Published, load_published

PUBLISHED = Published(
    name="mnist",
    torchvision_class="MNIST",
    md5={
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    classes=tuple("0123456789"),
    mean=0.1307,
    std=0.3081,
)
"""The MD5s are those of the unpacked files (torchvision lists those of the packed ones); mean and
standard deviation are over all pixels of the 60,000 training images (a test computes both)."""


def load(root: Path, *, n_train: int | None = None, n_test: int | None = None) -> Dataset:
    """Load MNIST from ``MNIST/raw``, or download it."""
    # Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to
    # document recognition", Proceedings of the IEEE 86(11), 1998.
    # `n_train`: n_train, n_test: how many of the 60,000 and 10,000 images, chosen evenly over the
    # classes; None takes all
    return load_published(PUBLISHED, root, n_train, n_test)
