"""Features that grow on disk, killed at any point."""

import numpy as np
import pytest
import torch

from partial_backprop.captioning import writing
from partial_backprop.captioning.features import path_of
from partial_backprop.captioning.writing import FeatureWriter
from partial_backprop.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (11, 3, 4, 4), dtype=np.uint8)
SHAPE = (4, 3)


def compute(images):
    """Four locations of three channels: the means of the quarters of an image."""
    quarters = images.reshape(len(images), 3, 2, 2, 2, 2).mean(axis=(3, 5)).reshape(-1, 3, 4)
    return torch.from_numpy(quarters.transpose(0, 2, 1) / 255).float()


class Killed(Exception):
    """What ends a run in the middle."""


def killed_after(n):
    """A `compute` that ends the run at its n-th batch."""
    left = iter(range(n))

    def some(images):
        if next(left, None) is None:
            raise Killed
        return compute(images)

    return some


@pytest.fixture
def lines():
    return []


@pytest.fixture
def writer(tmp_path, lines):
    """Function to a writer that notes after every batch."""

    def make(made_with=("code", "data"), every_s=0.0):
        say = lambda text, always=True: lines.append(text)  # noqa: E731
        return FeatureWriter(tmp_path / "unfinished", list(made_with), every_s, say)

    return make


def written(tmp_path):
    return {part: np.load(path_of(tmp_path, part)) for part in ("train", "test")}


def whole(writer, tmp_path):
    writer.write("train", IMAGES, compute, SHAPE, 4)
    writer.write("test", IMAGES[:2], compute, SHAPE, 4)
    seconds = writer.finish(tmp_path)
    assert not (tmp_path / "unfinished").exists()
    return seconds


def test_arrays_hold_the_features_in_16_bits(writer, tmp_path, lines):
    assert 0 < whole(writer(), tmp_path) < 60
    found = written(tmp_path)
    assert found["train"].dtype == np.float16
    np.testing.assert_array_equal(found["train"], compute(IMAGES).half().numpy())
    np.testing.assert_array_equal(found["test"], compute(IMAGES[:2]).half().numpy())
    assert "11/11" in lines[2]


@pytest.mark.parametrize(
    ("part", "n_batches"), [("train", 0), ("train", 1), ("train", 2), ("test", 0)]
)
def test_killed_and_resumed_leaves_the_same(writer, tmp_path, lines, n_batches, part):
    first = writer()
    if part == "test":
        first.write("train", IMAGES, compute, SHAPE, 4)
    images = IMAGES if part == "train" else IMAGES[:2]
    with pytest.raises(Killed):
        first.write(part, images, killed_after(n_batches), SHAPE, 4)
    lines.clear()
    whole(writer(), tmp_path)
    n_done = 11 if part == "test" else 4 * n_batches
    assert (f"resumes after {n_done} images" in lines) == (n_done > 0)
    np.testing.assert_array_equal(written(tmp_path)["train"], compute(IMAGES).half().numpy())


def test_what_was_begun_with_other_code_or_data_is_begun_anew(writer, tmp_path, lines):
    with pytest.raises(Killed):
        writer(["old code", "data"]).write("train", IMAGES, killed_after(2), SHAPE, 4)
    whole(writer(), tmp_path)
    assert not any("resumes" in line for line in lines)
    np.testing.assert_array_equal(written(tmp_path)["train"], compute(IMAGES).half().numpy())


@pytest.mark.parametrize("damage", ["no JSON", "[]", None])
def test_damaged_notes_are_left_aside(writer, tmp_path, damage):
    with pytest.raises(Killed):
        writer().write("train", IMAGES, killed_after(1), SHAPE, 4)
    folder = tmp_path / "unfinished"
    if damage is None:
        path_of(folder, "train").unlink()
    else:
        (folder / "state.json").write_text(damage)
    whole(writer(), tmp_path)
    np.testing.assert_array_equal(written(tmp_path)["train"], compute(IMAGES).half().numpy())


@pytest.mark.parametrize("value", [1e6, float("nan")])
def test_features_that_16_bits_cannot_hold(writer, value):
    with pytest.raises(UserError, match="finite") as caught:
        writer().write("train", IMAGES, lambda images: compute(images) + value, SHAPE, 4)
    assert "\n" not in str(caught.value)


def test_a_disk_that_is_too_small(writer, monkeypatch):
    usage = writing.shutil.disk_usage("/")._replace(free=200)
    monkeypatch.setattr(writing.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(UserError, match="MiB"):
        writer().write("train", IMAGES, compute, SHAPE, 4)
