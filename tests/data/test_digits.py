"""The digits of scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from partial_backprop.data import digits
from partial_backprop.errors import UserError


def test_enlarging_is_bilinear_interpolation():
    """Parity with torch, up to the rounding of halves."""
    small = torch.from_numpy(load_digits().images[:300])[:, None] * (255 / 16)
    large = torch.nn.functional.interpolate(
        small, scale_factor=3, mode="bilinear", align_corners=False
    )
    expected = torch.nn.functional.pad(large, (2, 2, 2, 2)).numpy()
    found = digits.enlarge(load_digits().images[:300])
    assert found.shape == (300, 1, 28, 28)
    assert np.abs(found - expected).max() <= 0.5 + 1e-9


def test_enlarging_uses_the_whole_range():
    assert digits.enlarge(np.full((1, 8, 8), 16)).max() == 255
    assert digits.enlarge(np.zeros((1, 8, 8))).max() == 0


def test_constants_are_those_of_the_images():
    data = digits.load(None)
    pixels = np.concatenate([data.train.images, data.test.images]) / 255
    assert (round(pixels.mean(), 4),) == data.mean
    assert (round(pixels.std(), 4),) == data.std


def test_all_digits_are_used_once_and_keep_their_labels():
    data = digits.load(None)
    source = load_digits()
    enlarged = digits.enlarge(source.images).reshape(1797, -1).tolist()
    expected = sorted(zip(enlarged, source.target, strict=True))
    images = np.concatenate([data.train.images, data.test.images]).reshape(1797, -1)
    labels = np.concatenate([data.train.labels, data.test.labels])
    assert sorted(zip(images.tolist(), labels, strict=True)) == expected


def test_test_set_is_balanced():
    assert np.bincount(digits.load(None).test.labels).tolist() == [36] * 10
    counts = np.bincount(digits.load(None, n_train=500, n_test=125).test.labels)
    assert counts.max() - counts.min() <= 1


def test_a_test_set_that_leaves_nothing():
    with pytest.raises(UserError, match="leaves none to train"):
        digits.load(None, n_test=1797)
