"""CIFAR-10, as published and as parquet shards."""

import hashlib
import os
import pickle

import numpy as np
import pytest
from PIL import Image
from tests.data import layouts

from partial_backprop.data import cifar10, cifar10_parquet
from partial_backprop.errors import UserError
from partial_backprop.torchvision_compat import import_torchvision


def test_images_are_those_of_the_batches(tiny_root):
    data = cifar10.load(tiny_root)
    expected = [layouts.random_images(10, 3, 32, seed) for seed in range(6)]
    np.testing.assert_array_equal(data.train.images, np.concatenate(expected[:5]))
    np.testing.assert_array_equal(data.test.images, expected[5])
    assert data.train.labels.tolist() == list(range(10)) * 5
    assert data.name == "cifar10"


def test_facts_of_torchvision():
    theirs = import_torchvision().datasets.CIFAR10
    assert dict(theirs.train_list + theirs.test_list) == cifar10.MD5
    assert theirs.base_folder == cifar10.FOLDER


def test_constants_are_those_of_the_listing():
    """pb2020, appendix."""
    assert cifar10.MEAN == (0.4914, 0.4822, 0.4465)
    assert cifar10.STD == (0.2023, 0.1994, 0.2010)


def test_published_checksums_are_used(tmp_path):
    layouts.write_cifar10(tmp_path / cifar10.FOLDER, cifar10.TRAIN + cifar10.TEST)
    with pytest.raises(UserError, match=r"data_batch_1.*published"):
        cifar10.load(tmp_path)


def test_missing_batch(tiny_root):
    (tiny_root / cifar10.FOLDER / "data_batch_3").unlink()
    with pytest.raises(UserError, match=r"data_batch_3.*torchvision"):
        cifar10.load(tiny_root)


class Attack:
    """Runs a command when it is unpickled."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_pickle_runs_no_code(tmp_path):
    path, trace = tmp_path / "batch", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Attack(f"touch {trace}")))
    pickle.loads(path.read_bytes())
    assert trace.exists()  # so the attack is one
    trace.unlink()
    with pytest.raises(UserError, match="system"):
        cifar10.read_batch(path, hashlib.md5(path.read_bytes()).hexdigest())
    assert not trace.exists()


def test_nothing_unknown_is_unpickled(tmp_path, monkeypatch):
    (tmp_path / "batch").write_bytes(pickle.dumps({}))
    monkeypatch.setattr(cifar10, "_ArrayUnpickler", None)
    with pytest.raises(UserError, match="published"):
        cifar10.read_batch(tmp_path / "batch", "0" * 32)


@pytest.mark.parametrize(
    "batch",
    [
        b"no pickle",
        pickle.dumps({"labels": [1]}),
        layouts.python2_pickle({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}),
        layouts.python2_pickle({"data": np.zeros((2, 7), np.uint8), "labels": [1, 2]}),
    ],
)
def test_damaged_batch(tmp_path, batch):
    path = tmp_path / "batch"
    path.write_bytes(batch)
    with pytest.raises(UserError, match="batch"):
        cifar10.read_batch(path, hashlib.md5(batch).hexdigest())


def test_label_without_class(tmp_path):
    md5 = layouts.write_cifar10_batch(tmp_path / "batch", layouts.random_images(1, 3, 32), [10])
    with pytest.raises(UserError, match="label"):
        cifar10.read_batch(tmp_path / "batch", md5)


def test_lossless_shards_keep_the_pixels(tmp_path):
    layouts.write_shards(tmp_path / "cifar10-png", "PNG")
    data = cifar10_parquet.load(tmp_path, folder="cifar10-png")
    expected = [layouts.random_images(10, 3, 32, seed) for seed in range(3)]
    np.testing.assert_array_equal(data.train.images, np.concatenate(expected[:2]))
    np.testing.assert_array_equal(data.test.images, expected[2])
    assert data.name == "cifar10-png"


def test_name_says_how_the_pictures_were_found(tmp_path):
    """Whatever the folder is called."""
    layouts.write_shards(tmp_path / "cifar10", "JPEG")
    assert cifar10_parquet.load(tmp_path, folder="cifar10").name == "cifar10-jpeg"


def test_mixed_encodings(tmp_path):
    folder = tmp_path / "cifar10-jpeg"
    layouts.write_shards(folder)
    content = layouts.encode(layouts.random_images(1, 3, 32)[0], "PNG")
    layouts.write_shard(folder / "test-00000-of-00001.parquet", [content], [0])
    with pytest.raises(UserError, match="mixes"):
        cifar10_parquet.load(tmp_path)


def test_missing_shards(tmp_path):
    folder = tmp_path / "cifar10-jpeg"
    with pytest.raises(UserError, match=r"/cifar10-jpeg/train-\*.parquet"):
        cifar10_parquet.load(tmp_path)
    layouts.write_shards(folder)
    (folder / "train-00001-of-00002.parquet").unlink()
    with pytest.raises(UserError, match="shards"):
        cifar10_parquet.load(tmp_path)


@pytest.mark.parametrize(
    ("contents", "labels", "message"),
    [
        ([b"no picture"], [0], "picture"),
        ([None], [0], "picture"),
        ([b""], [10], "label"),
        ([b""], [-1], "the label -1"),
        ([b""], ["cat"], "has no readable columns"),
        (
            [layouts.encode(layouts.random_images(1, 3, 30)[0], "PNG")],
            [0],
            "picture",
        ),
        (
            [layouts.encode(layouts.random_images(1, 3, 32)[0], "PNG")[:-400]],
            [0],
            "picture",
        ),
        ([], [], "images|columns"),
    ],
)
def test_damaged_shard(tmp_path, contents, labels, message):
    layouts.write_shards(tmp_path / "cifar10-jpeg")
    path = tmp_path / "cifar10-jpeg" / "test-00000-of-00001.parquet"
    layouts.write_shard(path, contents, labels)
    with pytest.raises(UserError, match=message) as caught:
        cifar10_parquet.load(tmp_path)
    assert str(path) in str(caught.value)


def test_truncated_shard(tmp_path):
    layouts.write_shards(tmp_path / "cifar10-jpeg")
    path = tmp_path / "cifar10-jpeg" / "train-00001-of-00002.parquet"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UserError, match=f"{path.name} has no readable columns") as caught:
        cifar10_parquet.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_jpeg_copy(shared_data):
    """A thousand of its pictures have, nearly, the mean of CIFAR-10, and the sizes are its own."""
    data = cifar10_parquet.load(shared_data, n_train=1000, n_test=100)
    assert data.name == "cifar10-jpeg"
    assert np.bincount(data.train.labels).tolist() == [100] * 10
    assert np.bincount(data.test.labels).tolist() == [10] * 10
    mean = data.train.images.mean(axis=(0, 2, 3)) / 255
    np.testing.assert_allclose(mean, cifar10.MEAN, atol=0.02)


def test_classes_in_the_order_of_the_labels(shared_data):
    """The shards' own paths name the class of each picture."""
    import pyarrow.parquet as pq

    rows = pq.read_table(shared_data / "cifar10-jpeg" / "test-00000-of-00001.parquet").to_pylist()
    names = {(row["label"], row["img"]["path"].split("/")[0]) for row in rows}
    assert sorted(names) == list(enumerate(cifar10.CLASSES))


def test_constant_std_is_a_mean_of_single_images(shared_data):
    """What the listing's normalisation is, as its comment says; JPEG flattens by a hundredth."""
    data = cifar10_parquet.load(shared_data, n_train=5000, n_test=1)
    single = data.train.images.std(axis=(2, 3)).mean(axis=0) / 255
    np.testing.assert_allclose(single, cifar10.STD, rtol=0.03)


def test_pictures_of_other_modes_become_rgb(tmp_path):
    layouts.write_shards(tmp_path / "cifar10-png", "PNG")
    grey = tmp_path / "grey.png"
    Image.new("L", (32, 32), 7).save(grey)
    shard = tmp_path / "cifar10-png" / "test-00000-of-00001.parquet"
    layouts.write_shard(shard, [grey.read_bytes()], [0])
    data = cifar10_parquet.load(tmp_path, folder="cifar10-png")
    assert data.test.images.tolist() == np.full((1, 3, 32, 32), 7).tolist()
