"""What is saved is read again, and a damaged file is told in one line."""

import dataclasses

import numpy as np
import pytest

from partial_backprop.errors import UserError
from partial_backprop.measurements import caption_examples
from partial_backprop.measurements.caption_examples import Example


def example(index=0, words=("a", "red", "square"), seed=0):
    random = np.random.default_rng(seed)
    maps = random.random((len(words), 3, 4), dtype=np.float32)
    return Example(
        index,
        random.integers(0, 256, (8, 8, 3), dtype=np.uint8),
        words,
        maps / maps.sum(axis=(1, 2), keepdims=True),
    )


EXAMPLES = (example(4), example(7, ("two", "circles", "above", "a", "bar"), seed=1))


def test_read_gives_what_was_saved(tmp_path):
    path = tmp_path / caption_examples.NAME
    caption_examples.save(EXAMPLES, path)
    for saved, found in zip(EXAMPLES, caption_examples.read(path), strict=True):
        assert (found.index, found.words) == (saved.index, saved.words)
        np.testing.assert_array_equal(found.image, saved.image)
        np.testing.assert_array_equal(found.attention, saved.attention)


def test_images_may_be_left_out(tmp_path):
    path = tmp_path / caption_examples.NAME
    caption_examples.save(caption_examples.without_images(EXAMPLES), path)
    for one, left in zip(EXAMPLES, caption_examples.read(path), strict=True):
        assert left.image is None
        assert left.sha256 == caption_examples.checksum(one.image)
        np.testing.assert_array_equal(left.attention, one.attention)
    caption_examples.save_pictures(
        [one.image for one in EXAMPLES], path.with_name(caption_examples.PICTURES)
    )
    for one, left in zip(EXAMPLES, caption_examples.read(path), strict=True):
        np.testing.assert_array_equal(left.image, one.image)
    caption_examples.save_pictures(
        [one.image[::-1] for one in EXAMPLES], path.with_name(caption_examples.PICTURES)
    )
    with pytest.raises(UserError, match="not the one"):
        caption_examples.read(path)


def test_none_is_a_number_too(tmp_path):
    caption_examples.save((), tmp_path / "none.npz")
    assert caption_examples.read(tmp_path / "none.npz") == ()


def test_the_same_examples_are_the_same_bytes(tmp_path):
    for name in ("one", "other"):
        caption_examples.save(EXAMPLES, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("damage", ["cut", "empty", "other arrays", "a map missing"])
def test_a_damaged_file_is_told(tmp_path, damage):
    path = tmp_path / caption_examples.NAME
    caption_examples.save(EXAMPLES, path)
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "other arrays":
        np.savez(path, images=np.zeros(3))
    else:
        with np.load(path) as found:
            arrays = dict(found)
        arrays["attention"] = arrays["attention"][:, :4]
        np.savez(path, **arrays)
    with pytest.raises(UserError, match="damaged") as caught:
        caption_examples.read(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        caption_examples.read(tmp_path / caption_examples.NAME)


@pytest.mark.parametrize(
    ("image", "attention"),
    [
        (np.zeros((3, 8, 8), dtype=np.uint8), np.zeros((2, 3, 3))),
        (np.zeros((8, 8, 3)), np.zeros((2, 3, 3))),
        (np.zeros((8, 8, 3), dtype=np.uint8), np.zeros((1, 3, 3))),
        (np.zeros((8, 8, 3), dtype=np.uint8), np.zeros((2, 9))),
    ],
)
def test_shapes_are_checked(image, attention):
    with pytest.raises(ValueError, match=r"uint8|words"):
        Example(0, image, ("a", "dog"), attention)


def test_what_a_person_wrote_goes_where_the_image_goes(tmp_path):
    path = tmp_path / caption_examples.NAME
    wrote = [("a", "red", "square"), ("two", "rings")][: len(EXAMPLES)]
    told = [
        dataclasses.replace(one, truth=truth) for one, truth in zip(EXAMPLES, wrote, strict=False)
    ]
    caption_examples.save(told, path)
    assert [one.truth for one in caption_examples.read(path)] == wrote
    caption_examples.save(caption_examples.without_images(told), path)
    assert not any(one.truth for one in caption_examples.read(path))
    pictures = path.with_name(caption_examples.PICTURES)
    caption_examples.save_pictures([one.image for one in told], pictures, wrote)
    assert [one.truth for one in caption_examples.read(path)] == wrote
