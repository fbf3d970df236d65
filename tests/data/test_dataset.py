"""A data set and its checksum."""

import dataclasses
import hashlib

import numpy as np
import pytest

from partial_backprop.data.dataset import Dataset, checksum, load_splits
from partial_backprop.data.examples import Examples
from partial_backprop.errors import UserError
from partial_backprop.run_config import DataConfig


def examples(n, seed=0):
    rng = np.random.default_rng(seed)
    return Examples(rng.integers(0, 256, (n, 3, 4, 5), dtype=np.uint8), rng.integers(0, 3, n))


def dataset(**changes):
    facts = {
        "name": "test",
        "train": examples(6),
        "test": examples(4, seed=1),
        "classes": ("a", "b", "c"),
        "mean": (0.5,) * 3,
        "std": (0.2,) * 3,
    }
    return Dataset(**{**facts, **changes})


def test_checksum_is_sha256_of_shape_pixels_and_labels():
    data = dataset()
    text = b""
    for part, n in ((data.train, 6), (data.test, 4)):
        text += f"({n}, 3, 4, 5)".encode() + part.images.tobytes()
        text += b"".join(int(label).to_bytes(8, "little") for label in part.labels)
    assert checksum(data) == hashlib.sha256(text).hexdigest()


def test_checksum_ignores_memory_layout():
    part = examples(6)
    layouts = [
        np.asfortranarray(part.images),
        np.repeat(part.images, 2, axis=0)[::2],
        np.ascontiguousarray(part.images.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    ]
    expected = checksum(dataset(train=part))
    for images in layouts:
        assert checksum(dataset(train=Examples(images, part.labels))) == expected


def test_checksum_ignores_names_and_constants():
    assert checksum(dataset(name="other", mean=(0.1,) * 3)) == checksum(dataset())


@pytest.mark.parametrize("part", ["train", "test"])
def test_checksum_sees_one_pixel_and_one_label(part):
    before = dataset()
    old = getattr(before, part)
    images, labels = old.images.copy(), old.labels.copy()
    images[-1, -1, -1, -1] ^= 1
    labels[-1] = (labels[-1] + 1) % 3
    sums = {
        checksum(before),
        checksum(dataclasses.replace(before, **{part: Examples(images, old.labels)})),
        checksum(dataclasses.replace(before, **{part: Examples(old.images, labels)})),
    }
    assert len(sums) == 3


def test_checksum_sees_order_and_the_line_between_the_parts():
    both = examples(10)
    cuts = [
        dataset(train=both.take(np.arange(k)), test=both.take(np.arange(k, 10))) for k in (5, 6)
    ]
    turned = dataset(train=cuts[0].test, test=cuts[0].train)
    assert len({checksum(data) for data in (*cuts, turned)}) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ("a", "b")}, "label"),
        ({"mean": (0.5,)}, "one value a channel"),
        ({"std": (0.2, 0.0, 0.2)}, "std above 0"),
        (
            {"test": Examples(np.zeros((1, 3, 4, 4), np.uint8), np.zeros(1, int))},
            "test images",
        ),
    ],
)
def test_parts_must_agree(changes, message):
    with pytest.raises(ValueError, match=message):
        dataset(**changes)


def test_load_splits_names_what_is_wrong(tmp_path):
    def load(**spec):
        return load_splits(DataConfig(role="r", dataset=spec, n_validation=5), tmp_path, seed=0)

    with pytest.raises(UserError, match=r"'digit'.*digits"):
        load(name="digit")
    with pytest.raises(UserError, match="unknown option 'n_trian'"):
        load(name="digits", n_trian=3)
    with pytest.raises(UserError, match="n_validation"):
        load(name="digits", n_train=4)
