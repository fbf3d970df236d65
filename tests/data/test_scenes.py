"""The generator of scenes."""

import numpy as np
import pytest
from scipy import stats

from partial_backprop.data import scenes
from partial_backprop.data.dataset import checksum
from partial_backprop.errors import UserError


@pytest.fixture(scope="module")
def dataset():
    """Two thousand training scenes and a thousand test scenes."""
    return scenes.load(None, n_train=2000, n_test=1000)


def test_fewer_are_the_first_of_more(dataset):
    few = scenes.load(None, n_train=510, n_test=3)
    np.testing.assert_array_equal(few.train.images, dataset.train.images[:510])
    np.testing.assert_array_equal(few.test.images, dataset.test.images[:3])
    np.testing.assert_array_equal(few.train.labels, dataset.train.labels[:510])


def test_bytes_are_the_same_everywhere():
    """The sum was computed with numpy 2.4.6 on x86-64 when the generator was written.

    Another one means that every result on scenes changes.
    """
    data = scenes.load(None, n_train=100, n_test=50)
    assert checksum(data) == "6d7be44be49c805246049f3572cb3e2d09e64bfdb7df3e21d75207da4d7d3c69"


def test_options_change_the_scenes():
    changes = [{}, {"seed": 1}, {"clutter": 5}, {"noise": 10.0}, {"lighter": True}]
    sums = {checksum(scenes.load(None, n_train=20, n_test=10, **change)) for change in changes}
    assert len(sums) == len(changes)


def test_classes_are_balanced(dataset):
    assert np.bincount(dataset.train.labels).tolist() == [200] * 10


def test_constants_are_those_of_the_scenes():
    """Of the default training scenes; the tolerance is the rounding of the constants."""
    images = scenes.load(None, n_test=1).train.images / np.float32(255)
    mean = images.mean(axis=(0, 2, 3), dtype=np.float64)
    np.testing.assert_allclose(mean, scenes.MEAN, atol=6e-5)
    np.testing.assert_allclose(images.std(axis=(0, 2, 3), dtype=np.float64), scenes.STD, atol=6e-5)


def test_no_class_has_its_colour(dataset):
    """One-way analysis of variance of each channel's mean over the classes finds nothing."""
    colours = dataset.train.images.mean(axis=(2, 3))
    for channel in colours.T:
        by_class = [channel[dataset.train.labels == label] for label in range(10)]
        assert stats.f_oneway(*by_class).pvalue > 0.001


def test_linear_model_does_badly(dataset):
    """Ridge regression on the pixels stays far below 60 percent on the test scenes."""
    train, test = (
        part.images.reshape(len(part), -1) / 255 - 0.5 for part in (dataset.train, dataset.test)
    )
    targets = np.eye(10)[dataset.train.labels] - 0.1
    for penalty in (10.0, 1000.0):
        kernel = train @ train.T + penalty * np.eye(len(train))
        guesses = (test @ (train.T @ np.linalg.solve(kernel, targets))).argmax(axis=1)
        assert (guesses == dataset.test.labels).mean() < 0.4


def test_class_can_be_seen():
    """Without clutter and noise the scene of a disc is, for the most part, two even areas."""
    examples = scenes.generate(200, seed=0, part=0, clutter=0, noise=0.0)
    disc = examples.images[examples.labels == scenes.KINDS.index("disc")].astype(float)
    row, column = np.mgrid[:32, :32] - 15.5
    distance = np.hypot(row, column)
    inside, outside = disc[..., distance < 3], disc[..., distance > 18]
    contrast = np.abs(np.median(inside, axis=2) - np.median(outside, axis=2))
    assert (contrast.max(axis=1) > 40).mean() > 0.9


def test_a_lighter_shape_is_lighter_in_every_channel():
    """In the middle of a disc and in the corners, the unevenness of the background aside."""
    examples = scenes.generate(500, seed=0, part=0, clutter=0, noise=0.0, lighter=True)
    disc = examples.images[examples.labels == scenes.KINDS.index("disc")].astype(float)
    row, column = np.mgrid[:32, :32] - 15.5
    distance = np.hypot(row, column)
    inside, outside = disc[..., distance < 3], disc[..., distance > 18]
    assert (np.median(inside, axis=2) > np.median(outside, axis=2)).mean() > 0.95


@pytest.mark.parametrize(
    "option", [{"n_train": 0}, {"n_test": -1}, {"seed": -1}, {"clutter": -1}, {"noise": -0.1}]
)
def test_options_out_of_range(option):
    (name,) = option
    with pytest.raises(UserError, match=f"option {name} of data/scenes is .*: choose"):
        scenes.load(None, **{"n_train": 1, "n_test": 1, **option})
