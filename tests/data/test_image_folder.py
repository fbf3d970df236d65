"""ImageFolder's layout."""

import os

import layouts
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from partial_backprop.data import image_folder
from partial_backprop.data.pictures import crop_to_square, decode
from partial_backprop.errors import UserError
from partial_backprop.torchvision_compat import import_torchvision


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40))
def test_crop_is_torchvisions(width, height, size):
    transforms = import_torchvision().transforms
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    theirs = transforms.Compose(
        [transforms.Resize(round(size / 0.875)), transforms.CenterCrop(size)]
    )
    np.testing.assert_array_equal(crop_to_square(picture, size), theirs(picture))


def test_reads_as_torchvision_does(tmp_path):
    layouts.write_image_folder(tmp_path / "few")
    data = image_folder.load(tmp_path, folder="few", image_size=24)
    theirs = import_torchvision().datasets.ImageFolder(tmp_path / "few" / "train")
    assert data.classes == tuple(theirs.classes)
    assert data.name == "few"
    for i, (picture, label) in enumerate(theirs):
        expected = np.asarray(crop_to_square(picture, 24)).transpose(2, 0, 1)
        np.testing.assert_array_equal(data.train.images[i], expected)
        assert data.train.labels[i] == label


def test_only_chosen_pictures_are_read(tmp_path):
    layouts.write_image_folder(tmp_path / "imagenet")
    (tmp_path / "imagenet" / "train" / "ant" / "2.png").write_bytes(b"damaged")
    data = image_folder.load(tmp_path, image_size=24, n_train=4)
    assert data.train.labels.tolist() == [0, 0, 1, 1]
    with pytest.raises(UserError, match=r"train/ant/2.png is no whole picture"):
        image_folder.load(tmp_path, image_size=24)


def test_other_files_are_passed_over(tmp_path):
    layouts.write_image_folder(tmp_path / "imagenet")
    (tmp_path / "imagenet" / "train" / "ant" / "notes.txt").write_text("no picture")
    assert len(image_folder.load(tmp_path, image_size=24).train) == 6


def test_class_in_one_part_only(tmp_path):
    layouts.write_image_folder(tmp_path / "imagenet")
    (tmp_path / "imagenet" / "train" / "cat").mkdir()
    with pytest.raises(UserError, match="differ in the class 'cat'"):
        image_folder.load(tmp_path)


def test_class_without_pictures(tmp_path):
    layouts.write_image_folder(tmp_path / "imagenet")
    for part in ("train", "val"):
        (tmp_path / "imagenet" / part / "cat").mkdir()
    with pytest.raises(UserError, match="train/cat has no pictures"):
        image_folder.load(tmp_path)


def test_missing_folder(tmp_path):
    with pytest.raises(UserError, match=r"there are no class folders in .*imagenet/train"):
        image_folder.load(tmp_path)


def test_more_than_memory_holds(tmp_path, monkeypatch):
    layouts.write_image_folder(tmp_path / "imagenet")
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1, "SC_PAGE_SIZE": 4096}.get)
    with pytest.raises(UserError, match=r"12 images of 224×224 need .* lower n_train"):
        image_folder.load(tmp_path)


def test_size_of_nothing(tmp_path):
    with pytest.raises(UserError, match="image_size is 0"):
        image_folder.load(tmp_path, image_size=0)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_no_picture(content):
    with pytest.raises(ValueError, match="no whole picture"):
        decode(content)


@given(st.integers(0, 3000))
def test_truncated_picture(length):
    whole = layouts.encode(layouts.random_images(1, 3, 32)[0], "PNG")
    if length < len(whole) - 16:  # the last 12 bytes only mark the end
        with pytest.raises(ValueError, match="no whole picture"):
            decode(whole[:length])
