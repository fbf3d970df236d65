"""Fashion-MNIST: 70,000 articles of clothing of 28×28 grey pixels, in MNIST's format."""

from pathlib import Path

from partial_backprop.data.dataset import Dataset
from partial_backprop.data.idx import Published, load_published

PUBLISHED = Published(
    name="fashion_mnist",
    torchvision_class="FashionMNIST",
    md5={
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
    classes=(
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    mean=0.2860,
    std=0.3530,
)
"""The MD5s are those of the unpacked files, as several public projects list them; mean and standard
deviation are the usual ones, over all pixels of the training images."""


def load(root: Path, *, n_train: int | None = None, n_test: int | None = None) -> Dataset:
    """Load Fashion-MNIST from ``FashionMNIST/raw``, or download it."""
    # Source: H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image dataset for
    # benchmarking machine learning algorithms", arXiv:1708.07747, 2017.
    # `n_train`: n_train, n_test: how many of the 60,000 and 10,000 images, chosen evenly over the
    # classes; None takes all
    return load_published(PUBLISHED, root, n_train, n_test)
