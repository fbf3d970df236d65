"""Downloading, with torchvision's part played by a fake."""

import socket
import subprocess
import sys
from http.client import IncompleteRead

import pytest

from partial_backprop.data import files
from partial_backprop.errors import UserError


def arrange(monkeypatch, download):
    monkeypatch.setattr(files, "_download", download)


def write_all(dataset, folder):
    """Write as torchvision's MNIST does: into a folder of its own."""
    (folder / dataset / "raw").mkdir(parents=True)
    for name in ("one", "two", "more"):
        (folder / dataset / "raw" / name).write_text(f"new {name}")


def test_missing_files_are_put_in_place(tmp_path, monkeypatch):
    arrange(monkeypatch, write_all)
    folder = tmp_path / "data" / "MNIST" / "raw"
    files.fetch("MNIST", folder, ["one", "two"])
    assert sorted(path.name for path in folder.iterdir()) == ["one", "two"]


def test_what_is_there_is_left_alone(tmp_path, monkeypatch):
    arrange(monkeypatch, write_all)
    (tmp_path / "one").write_text("old")
    files.fetch("MNIST", tmp_path, ["one", "two"])
    assert (tmp_path / "one").read_text() == "old"
    assert (tmp_path / "two").read_text() == "new two"


def test_nothing_is_downloaded_without_need(tmp_path, monkeypatch):
    def never(dataset, folder):
        raise AssertionError("asked to download")

    arrange(monkeypatch, never)
    (tmp_path / "one").write_text("old")
    files.fetch("MNIST", tmp_path, ["one"])


@pytest.mark.parametrize(
    "error",
    [
        OSError("no network"),
        RuntimeError("File not found or corrupted."),
        IncompleteRead(b"ab"),
    ],
)
def test_failure_names_the_files_and_leaves_nothing(tmp_path, monkeypatch, error):
    def fail(dataset, folder):
        (folder / "one").write_text("half")
        raise error

    arrange(monkeypatch, fail)
    before = socket.getdefaulttimeout()
    with pytest.raises(UserError, match="published") as caught:
        files.fetch("MNIST", tmp_path, ["one", "two"])
    assert f"{tmp_path} has no one, two" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert socket.getdefaulttimeout() == before


def test_download_without_the_file(tmp_path, monkeypatch):
    arrange(monkeypatch, lambda dataset, folder: None)
    with pytest.raises(UserError, match="has no one"):
        files.fetch("MNIST", tmp_path, ["one"])


def test_torchvision_knows_our_classes():
    datasets = files.import_torchvision().datasets
    assert all(hasattr(datasets, name) for name in ("MNIST", "FashionMNIST", "CIFAR10"))


def test_data_sets_need_no_torch():
    names = [
        "digits",
        "scenes",
        "mnist",
        "fashion_mnist",
        "cifar10",
        "cifar10_parquet",
        "image_folder",
    ]
    code = "import sys\n" + "\n".join(f"import partial_backprop.data.{name}" for name in names)
    code += "\nassert not {'torch', 'torchvision'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
