"""A folder with a tiny copy of every real data set, and no way to the network."""

import dataclasses
from urllib.error import URLError

import pytest
from tests.data import layouts

from partial_backprop.data import cifar10, fashion_mnist, files, mnist


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Make every download fail as it does without a network."""

    def fail(dataset, folder):
        raise URLError("no network")

    monkeypatch.setattr(files, "_download", fail)


@pytest.fixture
def tiny_root(tmp_path, monkeypatch):
    """Folder with tiny data sets, whose checksums pass for the published ones."""
    for module, folder in ((mnist, "MNIST"), (fashion_mnist, "FashionMNIST")):
        md5 = layouts.write_idx_files(tmp_path / folder / "raw")
        monkeypatch.setattr(module, "PUBLISHED", dataclasses.replace(module.PUBLISHED, md5=md5))
    md5 = layouts.write_cifar10(tmp_path / cifar10.FOLDER, cifar10.TRAIN + cifar10.TEST)
    monkeypatch.setattr(cifar10, "MD5", md5)
    layouts.write_shards(tmp_path / "cifar10-jpeg")
    layouts.write_image_folder(tmp_path / "imagenet")
    layouts.write_captioned_files(tmp_path / "flickr8k")
    return tmp_path
