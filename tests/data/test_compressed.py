"""Pictures that are decoded when they are asked for."""

import numpy as np
import pytest
from PIL import Image
from tests.data import layouts

from partial_backprop.data.compressed import CompressedPictures, scaled
from partial_backprop.errors import UserError

PIXELS = layouts.random_images(4, 3, 20)


def pictures(contents=None, side=20):
    contents = [layouts.encode(image, "PNG") for image in PIXELS] if contents is None else contents
    return CompressedPictures(contents, side, lambda index, why: UserError(f"{index} {why}"))


def test_pictures_of_the_size_keep_their_pixels():
    found = pictures()
    assert found.shape == (4, 3, 20, 20)
    np.testing.assert_array_equal(found[:], PIXELS)
    np.testing.assert_array_equal(found[-1], PIXELS[3])
    assert found[[]].shape == (0, 3, 20, 20)


def test_others_are_scaled_whatever_their_proportions():
    wide = np.zeros((3, 10, 40), dtype=np.uint8)
    wide[0, :, 20:] = 200  # the right half is red
    found = pictures([layouts.encode(wide, "PNG")], side=20)[0]
    assert found.shape == (3, 20, 20)
    assert (found[0, :, :9] == 0).all()
    assert (found[0, :, 11:] == 200).all()
    assert not found[1:].any()


def test_scaling_is_bilinear_with_antialiasing():
    """A constant stays constant, and the mean of a picture is kept as it shrinks."""
    flat = Image.new("RGB", (33, 57), (1, 2, 3))
    assert np.unique(np.asarray(scaled(flat, 8)).reshape(-1, 3), axis=0).tolist() == [[1, 2, 3]]
    noise = Image.fromarray(layouts.random_images(1, 3, 64)[0].transpose(1, 2, 0))
    assert abs(np.asarray(scaled(noise, 8)).mean() - np.asarray(noise).mean()) < 1


def test_a_damaged_picture_is_told_when_it_is_asked_for():
    contents = [layouts.encode(PIXELS[0], "PNG"), b"no picture"]
    found = pictures(contents)
    assert found[:1].shape == (1, 3, 20, 20)
    with pytest.raises(UserError, match="picture"):
        found[1]


def test_fingerprint_tells_contents_order_and_size():
    contents = [layouts.encode(image, "PNG") for image in PIXELS]
    prints = [
        pictures(contents).fingerprint(),
        pictures(contents[::-1]).fingerprint(),
        pictures(contents[:-1]).fingerprint(),
        pictures(contents, side=21).fingerprint(),
        pictures([contents[0] + contents[1], *contents[2:], b""]).fingerprint(),
    ]
    assert len(set(prints)) == len(prints)
    assert pictures(contents).fingerprint() == prints[0]


def test_squares_of_one_size():
    tall = layouts.encode(np.zeros((3, 30, 20), dtype=np.uint8), "PNG")
    small = layouts.encode(np.zeros((3, 9, 9), dtype=np.uint8), "PNG")
    contents = [layouts.encode(image, "PNG") for image in PIXELS]
    assert pictures(contents, side=7).stored_square() == 20
    assert pictures([*contents, small]).stored_square() is None
    assert pictures([tall, tall]).stored_square() is None
    assert pictures([b"", b""]).stored_square() is None
