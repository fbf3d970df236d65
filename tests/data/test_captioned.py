"""Images with captions, five each."""

import hashlib
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.data.captioned import (
    CaptionedDataset,
    CaptionedImages,
    checksum,
    five_each,
    load_captioned,
)
from partial_backprop.errors import UserError
from partial_backprop.run_config import DataConfig


def part(captions, seed=0, side=4):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (len(captions), 3, side, side), dtype=np.uint8)
    return CaptionedImages(images, tuple(captions))


def dataset(**changes):
    parts = {name: part([("a", name)], seed) for seed, name in enumerate(("train", "validation"))}
    facts = {"name": "x", **parts, "test": part([("b",)]), "mean": (0.5,) * 3, "std": (0.2,) * 3}
    return CaptionedDataset(**{**facts, **changes})


@given(
    st.lists(st.lists(st.text(max_size=3), min_size=1, max_size=7).map(tuple), min_size=1),
    st.integers(0, 5),
)
def test_five_each(captions, seed):
    given_part = part(captions)
    found = five_each(given_part, seed, 0)
    assert found.images is given_part.images
    for present, five in zip(captions, found.captions, strict=True):
        assert len(five) == 5
        assert five[: len(present)] == present[:5]
        assert set(five) <= set(present)
    assert five_each(given_part, seed, 0).captions == found.captions


def test_missing_captions_are_drawn_evenly_and_by_seed():
    """Of two captions each stands in for half of the three that are missing."""
    many = part([("a", "b")] * 2000, side=1)
    drawn = Counter(text for five in five_each(many, 0, 0).captions for text in five[2:])
    assert abs(drawn["a"] / 6000 - 0.5) < 4 * 0.5 / 6000**0.5
    others = [five_each(many, seed, number).captions for seed, number in ((1, 0), (0, 1))]
    assert five_each(many, 0, 0).captions not in others


def test_an_images_captions_do_not_depend_on_the_others():
    few, many = (five_each(part([("a", "b", "c")] * n, side=1), 3, 1) for n in (5, 9))
    assert few.captions == many.captions[:5]


def test_checksum_is_sha256_of_pixels_and_captions():
    data = dataset()
    text = b"".join(
        f"{one.images.shape}".encode() + one.images.tobytes() + json.dumps(one.captions).encode()
        for one in (data.train, data.validation, data.test)
    )
    assert checksum(data) == hashlib.sha256(text).hexdigest()
    assert checksum(dataset(test=part([("c",)]))) != checksum(data)


@pytest.mark.parametrize(
    ("captions", "message"),
    [((), "0 images"), ((("a",), ()), "caption"), ((("a",),), "2 images, but 1")],
)
def test_what_does_not_fit_together(captions, message):
    images = np.zeros((2 if captions else 0, 3, 4, 4), dtype=np.uint8)
    with pytest.raises(ValueError, match=message):
        CaptionedImages(images, captions)


def test_parts_have_one_image_shape():
    with pytest.raises(ValueError, match="images of"):
        dataset(test=part([("a",)], side=5))


def test_data_without_captions_are_told(tmp_path):
    data = DataConfig(role="flickr8k", dataset={"name": "scenes"}, n_validation=5)
    with pytest.raises(UserError, match="scenes") as caught:
        load_captioned(data, tmp_path, seed=0)
    assert "\n" not in str(caught.value)
