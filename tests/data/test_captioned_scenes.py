"""The generator of captioned scenes: its captions are read by another hand and compared with it."""

import re
from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from partial_backprop.data import captioned_scenes
from partial_backprop.data.captioned import checksum
from partial_backprop.data.scene_words import COLOURS, KINDS, SIZES, Group
from partial_backprop.errors import UserError

NUMBERS = {"a": 1, "two": 2, "three": 3, "four": 4}
GROUP = re.compile(
    rf"\b(?P<number>{'|'.join(NUMBERS)})( (?P<size>{'|'.join(SIZES)}))?"
    rf"( (?P<colour>{'|'.join(COLOURS)}))? (?P<kind>{'|'.join(KINDS)})(e?s)?"
    r"( (?P<place>(at|on|in) the (top|bottom|left|right)( left| right)?))?\b"
)

PENTAGRAM = 10 * np.sin(np.pi / 10) * np.sin(np.pi / 5) / np.sin(7 * np.pi / 10)
AREAS = {
    "disc": np.pi,
    "ring": np.pi * (1 - 0.56**2),
    "square": 1.7**2,
    "triangle": 1.8**2 / 3**0.5,
    "star": PENTAGRAM / 2 * (0.38 / np.cos(2 * np.pi / 5)) ** 2,
    "cross": 2 * 2 * 0.66 - 0.66**2,
}
"""Of a shape of radius 1, by elementary geometry."""


@pytest.fixture(scope="module")
def scenes():
    """Three hundred scenes without noise."""
    return captioned_scenes.generate(300, seed=0, part=0, noise=0.0)


def objects(image):
    """Each object's field, colour and area in pixels, from the pixels alone."""
    bright = image.max(axis=0) > 110
    labels, n = ndimage.label(bright, np.ones((3, 3)))
    found = []
    for number in range(1, n + 1):
        inside = labels == number
        if inside.sum() < 8:
            continue
        rows, columns = np.nonzero(inside)
        field = 2 * int(rows.mean() >= 32) + int(columns.mean() >= 32)
        middle = ndimage.binary_erosion(inside)
        middle = middle if middle.any() else inside
        pixels = np.median(image[:, middle], axis=1)
        distance = {
            name: np.abs(pixels - value).sum() for name, value in captioned_scenes.PALETTE.items()
        }
        found.append((field, min(distance, key=distance.get), int(inside.sum())))
    return found


def test_captions_tell_what_the_pixels_show(scenes):
    """Number, colour, size and place of the objects, found by labelling connected pixels."""
    seen = Counter()
    for image, captions in zip(scenes.images, scenes.captions, strict=True):
        shown = objects(image)
        filled = {field for field, _, _ in shown}
        assert len(filled) == len(shown)
        for caption in captions:
            groups = [match.groupdict() for match in GROUP.finditer(caption)]
            assert sum(NUMBERS[group["number"]] for group in groups) == len(shown), caption
            for group in groups:
                n = NUMBERS[group["number"]]
                if group["colour"]:
                    seen["colour"] += 1
                    of_colour = [field for field, c, _ in shown if c == group["colour"]]
                    assert len(of_colour) >= n, caption
                if group["size"]:
                    seen["size"] += 1
                    radii = [(area / AREAS[group["kind"]]) ** 0.5 for _, _, area in shown]
                    is_large = group["size"] == "large"
                    assert sum((radius > 9) == is_large for radius in radii) >= n, caption
                if group["place"]:
                    seen["place"] += 1
                    fields = fields_at(group["place"])
                    assert len(fields & filled) >= n, caption
    assert min(seen.values()) > 300


def fields_at(place):
    fields = {0, 1, 2, 3}
    for word, there in (("top", {0, 1}), ("bottom", {2, 3}), ("left", {0, 2}), ("right", {1, 3})):
        if word in place:
            fields &= there
    return fields


def test_relations_tell_where_the_pixels_are(scenes):
    n_seen = 0
    for image, captions in zip(scenes.images, scenes.captions, strict=True):
        shown = objects(image)
        for caption in captions:
            match = re.search(r"(above|below|left of|right of)", caption)
            if match is None:
                continue
            first, second = (found.groupdict() for found in GROUP.finditer(caption))
            if first["colour"] == second["colour"]:
                continue
            n_seen += 1
            one, two = (
                {field for field, colour, _ in shown if colour == group["colour"]}
                for group in (first, second)
            )
            axis = 1 if match[1] in ("above", "below") else 0
            halves = [{field >> axis & 1 for field in fields} for fields in (one, two)]
            expected = [{0}, {1}] if match[1] in ("above", "left of") else [{1}, {0}]
            assert halves == expected, caption
    assert n_seen > 100


def test_every_word_is_used_and_the_grammar_knows_all(scenes):
    words = Counter(word for five in scenes.captions for text in five for word in text.split())
    plurals = {kind + ("es" if kind == "cross" else "s") for kind in KINDS}
    assert {*COLOURS, *SIZES, *KINDS, *plurals, *NUMBERS} <= set(words)
    assert len(words) == 40
    assert min(words.values()) >= 10


def test_five_captions_of_a_scene_differ_and_lengths_vary(scenes):
    assert all(len(set(five)) >= 4 for five in scenes.captions)
    lengths = Counter(len(text.split()) for five in scenes.captions for text in five)
    assert len(lengths) >= 8


def test_group_in_words():
    assert Group(1, "small", "red", "star").words("size", "colour") == "a small red star"
    assert Group(3, "small", "red", "cross").words("colour") == "three red crosses"
    assert Group(2, "large", "blue", "disc").words() == "two discs"


def test_fewer_are_the_first_of_more(scenes):
    few = captioned_scenes.generate(105, seed=0, part=0, noise=0.0)
    np.testing.assert_array_equal(few.images, scenes.images[:105])
    assert few.captions == scenes.captions[:105]


def test_bytes_are_the_same_everywhere():
    """The sum was computed with numpy 2.4.6 on x86-64 when the generator was written.

    Another one means that every result on captioned scenes changes.
    """
    data = captioned_scenes.load(None, n_train=60, n_validation=20, n_test=20)
    assert checksum(data) == "57bfa5871b5e43075cb225c74eb89801d3ee013b4430d99496f0a1abde1d1ee9"


def test_options_change_the_scenes():
    changes = [{}, {"seed": 1}, {"noise": 10.0}]
    sizes = {"n_train": 3, "n_validation": 2, "n_test": 2}
    sums = {checksum(captioned_scenes.load(None, **sizes, **change)) for change in changes}
    assert len(sums) == len(changes)


def test_noise_has_the_standard_deviation_asked_for():
    pair = [captioned_scenes.generate(20, 0, 0, noise).images.astype(float) for noise in (0.0, 9.0)]
    inner = (pair[0] > 40) & (pair[0] < 215)  # nothing is clipped there
    assert (pair[1] - pair[0])[inner].std() == pytest.approx(9.0, rel=0.02)
    assert (pair[1] - pair[0])[inner].mean() == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize(
    ("option", "value"), [("seed", -1), ("noise", -0.1), ("noise", float("nan")), ("n_train", 0)]
)
def test_options_out_of_range(option, value):
    with pytest.raises(UserError, match=f"option {option} of data/captioned_scenes"):
        captioned_scenes.load(None, **{option: value})
