"""ImageFolder's layout."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.data import layouts

from partial_backprop.data import image_folder
from partial_backprop.data.pictures import DeepPixels, crop_to_square, decode
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
    with pytest.raises(UserError, match=r"train/ant/2.png.*picture"):
        image_folder.load(tmp_path, image_size=24)


def test_other_files_are_passed_over(tmp_path):
    layouts.write_image_folder(tmp_path / "imagenet")
    (tmp_path / "imagenet" / "train" / "ant" / "notes.txt").write_text("no picture")
    assert len(image_folder.load(tmp_path, image_size=24).train) == 6


def test_class_in_one_part_only(tmp_path):
    layouts.write_image_folder(tmp_path / "imagenet")
    (tmp_path / "imagenet" / "train" / "cat").mkdir()
    with pytest.raises(UserError, match="'cat'"):
        image_folder.load(tmp_path)


def test_class_without_pictures(tmp_path):
    layouts.write_image_folder(tmp_path / "imagenet")
    for part in ("train", "val"):
        (tmp_path / "imagenet" / part / "cat").mkdir()
    with pytest.raises(UserError, match="train/cat has no pictures"):
        image_folder.load(tmp_path)


def test_missing_folder(tmp_path):
    with pytest.raises(UserError, match="imagenet/train"):
        image_folder.load(tmp_path)


def test_more_than_memory_holds(tmp_path, monkeypatch):
    layouts.write_image_folder(tmp_path / "imagenet")
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1, "SC_PAGE_SIZE": 4096}.get)
    with pytest.raises(UserError, match="n_train"):
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


RAMP = np.tile(np.arange(256), (64, 1))
DEEP = {
    "png": RAMP.astype(np.uint16) * 257,
    "pgm": RAMP.astype(np.uint16) * 16,  # 12 bits in 16
    "tif": RAMP.astype(np.float32) / 255,
    "tiff": RAMP.astype(np.int32) - 128,
}
"""Ending of a file -> its pixels, each a ramp from black to white."""


@pytest.mark.parametrize("ending", DEEP)
def test_deep_pixels_are_scaled_by_the_range_that_is_told(ending):
    buffer = io.BytesIO()
    kind = {"png": "PNG", "pgm": "PPM"}.get(ending, "TIFF")
    Image.fromarray(DEEP[ending]).save(buffer, kind)
    lowest, highest = float(DEEP[ending].min()), float(DEEP[ending].max())
    picture, _ = decode(buffer.getvalue(), (lowest, highest))
    np.testing.assert_array_equal(np.asarray(picture)[..., 1], RAMP)
    with pytest.raises(DeepPixels, match=f"{highest:g}"):
        decode(buffer.getvalue())
    with pytest.raises(DeepPixels, match="outside"):
        decode(buffer.getvalue(), (lowest, highest / 2))


def test_pixels_that_are_no_numbers_are_refused():
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(buffer, "TIFF")
    with pytest.raises(DeepPixels):
        decode(buffer.getvalue(), (0, 1))


def test_colours_of_16_bits():
    """Pillow writes none, so a file is put together by hand."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    row = b"\0" + struct.pack(">6H", 0, 257, 257 * 128, 257 * 255, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    content = b"\x89PNG\r\n\x1a\n" + chunks
    picture, _ = decode(content, (0, 65535))
    assert np.asarray(picture).tolist() == [[[0, 1, 128], [255, 0, 0]]]
    for pixel_range in (None, (0, 4095)):
        with pytest.raises(DeepPixels):
            decode(content, pixel_range)


def test_a_folder_with_deep_pixels(tmp_path):
    for part in ("train", "val"):
        (tmp_path / "x" / part / "c").mkdir(parents=True)
        Image.fromarray(DEEP["png"]).save(tmp_path / "x" / part / "c" / "a.png")
    with pytest.raises(UserError, match="pixel_range"):
        image_folder.load(tmp_path, folder="x", image_size=56)
    data = image_folder.load(tmp_path, folder="x", image_size=56, pixel_range=(0, 65535))
    assert len(np.unique(data.train.images)) == 56
    with pytest.raises(UserError, match="pixel_range"):
        image_folder.load(tmp_path, folder="x", pixel_range=(1, 0))


def test_what_programs_leave_behind_is_no_class_and_no_picture(tmp_path):
    layouts.write_image_folder(tmp_path / "imagenet")
    for part in ("train", "val"):
        folder = tmp_path / "imagenet" / part
        for left in (".ipynb_checkpoints", "ant/.ipynb_checkpoints", "__MACOSX"):
            (folder / left).mkdir()
            (folder / left / "0-checkpoint.png").write_bytes((folder / "ant/0.png").read_bytes())
        (folder / "ant" / "._0.png").write_bytes(b"of macOS")
    data = image_folder.load(tmp_path, image_size=24)
    assert data.classes == ("ant", "bee")
    assert len(data.train) == 6
