"""MNIST, Fashion-MNIST and their format."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.data import layouts

from partial_backprop.data import fashion_mnist, idx, mnist
from partial_backprop.data.dataset import checksum
from partial_backprop.errors import UserError
from partial_backprop.torchvision_compat import import_torchvision

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3)))
def test_parse_reads_what_was_written(array):
    found = idx.parse(layouts.idx(array), array.ndim, None)
    np.testing.assert_array_equal(found, array)


@given(st.integers(0, 27))
def test_every_truncation_is_seen(length):
    content = layouts.idx(np.arange(12).reshape(3, 2, 2))
    with pytest.raises(UserError, match=r"here\.idx"):
        idx.parse(content[:length], 3, "here.idx")


def test_reads_as_torchvision_does(tiny_root):
    data = mnist.load(tiny_root)
    theirs = import_torchvision().datasets.MNIST(tiny_root, train=False)
    np.testing.assert_array_equal(data.test.images[:, 0], theirs.data.numpy())
    np.testing.assert_array_equal(data.test.labels, theirs.targets.numpy())


def test_packed_files_are_the_same_data(tiny_root):
    plain = checksum(mnist.load(tiny_root))
    for path in sorted((tiny_root / "MNIST" / "raw").iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert checksum(mnist.load(tiny_root)) == plain


def test_fashion_is_another_data_set(tiny_root):
    assert fashion_mnist.load(tiny_root).name == "fashion_mnist"
    assert fashion_mnist.load(tiny_root).classes[8] == "bag"


def damage(change):
    """Name and content of a file of MNIST, changed."""
    return lambda folder, name: (folder / name).write_bytes(change((folder / name).read_bytes()))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (IMAGES, damage(lambda content: content[:-1]), "truncated"),
        (IMAGES, damage(lambda content: content + b"0"), "is too long"),
        (IMAGES, damage(lambda content: b""), "holds no IDX images"),
        (LABELS, damage(lambda content: layouts.idx(np.zeros((2, 2, 2)))), "holds no IDX labels"),
        (LABELS, damage(lambda content: layouts.idx(np.zeros(29))), "labels"),
        (LABELS, damage(lambda content: layouts.idx(np.full(30, 10))), "has a label 10"),
        (LABELS, damage(lambda content: layouts.idx(np.zeros(30))), "published"),
    ],
)
def test_damaged_file(tiny_root, name, change, message):
    folder = tiny_root / "MNIST" / "raw"
    change(folder, name)
    with pytest.raises(UserError, match=message) as caught:
        mnist.load(tiny_root)
    assert str(folder / name) in str(caught.value)
    assert "delete it and put the published file in its place" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [lambda packed: packed[:-9], lambda packed: b"no gzip"])
def test_damaged_packed_file(tiny_root, change):
    path = tiny_root / "MNIST" / "raw" / IMAGES
    path.with_name(f"{IMAGES}.gz").write_bytes(change(gzip.compress(path.read_bytes())))
    path.unlink()
    with pytest.raises(UserError, match=f"{IMAGES}.gz is truncated or no gzip file"):
        mnist.load(tiny_root)


def test_unreadable_file(tiny_root):
    path = tiny_root / "MNIST" / "raw" / IMAGES
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match=f"{IMAGES} cannot be read"):
        mnist.load(tiny_root)


def test_one_missing_file_is_named_alone(tiny_root):
    (tiny_root / "MNIST" / "raw" / LABELS).unlink()
    with pytest.raises(UserError, match=f"MNIST/raw has no {LABELS}, and torchvision could not"):
        mnist.load(tiny_root)


def test_facts_of_torchvision():
    for module, name in ((mnist, "MNIST"), (fashion_mnist, "FashionMNIST")):
        theirs = getattr(import_torchvision().datasets, name)
        names = {file.removesuffix(".gz") for file, _ in theirs.resources}
        assert set(module.PUBLISHED.md5) == names
        assert module.PUBLISHED.torchvision_class == name
        assert len(module.PUBLISHED.classes) == len(theirs.classes)
    words = [name.lower() for name in import_torchvision().datasets.FashionMNIST.classes]
    assert [name.lower() for name in fashion_mnist.PUBLISHED.classes] == words


def test_published_checksums_are_used(tmp_path):
    """Tiny files do not pass for MNIST."""
    layouts.write_idx_files(tmp_path / "MNIST" / "raw")
    with pytest.raises(UserError, match="published"):
        mnist.load(tmp_path)


def test_all_of_mnist(shared_data):
    """The sizes are MNIST's; mean and standard deviation are computed here."""
    data = mnist.load(shared_data)
    assert (len(data.train), len(data.test), data.image_shape) == (60_000, 10_000, (1, 28, 28))
    assert (round(data.train.images.mean() / 255, 4),) == data.mean
    assert (round(data.train.images.std() / 255, 4),) == data.std
    few = mnist.load(shared_data, n_train=1000, n_test=100)
    assert np.bincount(few.train.labels).tolist() == [100] * 10
