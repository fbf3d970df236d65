"""What every data set of labelled images keeps to; a new module is tested as soon as it is there.

Those with captions have `test_captioned_contract`.
"""

import inspect

import numpy as np
import pytest
from tests.data import layouts

from partial_backprop import registry
from partial_backprop.data.dataset import checksum, load_splits
from partial_backprop.errors import UserError
from partial_backprop.run_config import DataConfig

OPTIONS = {"scenes": {"n_train": 60, "n_test": 40}, "image_folder": {"image_size": 24}}
"""Options that make a data set small."""

EMBEDDED = {"digits", "scenes"}
"""Data sets that need no file."""


LABELLED = [name for name in registry.names("data") if not layouts.has_captions(name)]


@pytest.fixture(params=LABELLED)
def name(request):
    """Name of a data set."""
    return request.param


@pytest.fixture
def load(name, tiny_root):
    """Its `load`, for a small set, with further options."""
    options = OPTIONS.get(name, {})
    return lambda **more: registry.load("data", name)(tiny_root, **{**options, **more})


def test_twice_the_same_bytes(load):
    assert checksum(load()) == checksum(load())


def test_facts_fit_the_images(load):
    dataset = load()
    assert dataset.train.images.shape[1:] == dataset.image_shape == dataset.test.images.shape[1:]
    assert set(dataset.train.labels.tolist()) == set(range(dataset.n_classes))
    assert len(set(dataset.classes)) == dataset.n_classes
    assert all(0 < value < 1 for value in (*dataset.mean, *dataset.std))


def test_arrays_are_whole_in_memory(load):
    """Nothing keeps a file or a larger array alive behind a view."""
    for part in (load().train, load(n_test=4).test):
        assert part.images.flags.c_contiguous
        assert part.images.flags.writeable


def test_no_test_image_is_trained_on(load):
    dataset = load()
    seen = {image.tobytes() for image in dataset.train.images}
    assert not [image for image in dataset.test.images if image.tobytes() in seen]


def test_size_of_training_set_leaves_test_set_alone(load):
    whole, part = load(), load(n_train=4)
    assert len(part.train) == 4
    np.testing.assert_array_equal(part.test.images, whole.test.images)
    np.testing.assert_array_equal(part.test.labels, whole.test.labels)


def test_more_than_there_is(load, name):
    if name == "scenes":
        assert len(load(n_train=3000).train) == 3000  # as many as one asks for
        return
    for option in ("n_train", "n_test"):
        with pytest.raises(UserError, match=r"choose from 1 to \d+"):
            load(**{option: 10**6})


def test_none_at_all(load):
    for option in ("n_train", "n_test"):
        with pytest.raises(UserError):
            load(**{option: 0})


def test_no_stand_in_takes_the_name_of_what_it_stands_for(name, load):
    roles = {"mnist", "cifar10", "imagenet", "flickr8k"}
    assert (load().name in roles) == (name in {*roles, "image_folder"})


def test_real_data_that_is_absent_is_an_error(name, tmp_path):
    """And no other data set is taken in its place."""
    if name in EMBEDDED:
        assert registry.load("data", name)(tmp_path, **OPTIONS.get(name, {})).name == name
        return
    with pytest.raises(UserError, match="put") as caught:
        registry.load("data", name)(tmp_path, **OPTIONS.get(name, {}))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_of_sizes(name):
    parameters = inspect.signature(registry.load("data", name)).parameters
    assert {"root", "n_train", "n_test"} <= set(parameters)


def test_splits(name, tiny_root):
    spec = {"name": name, **OPTIONS.get(name, {})}
    config = DataConfig(role="some", dataset=spec, n_validation=3)
    dataset = registry.load("data", name)(tiny_root, **OPTIONS.get(name, {}))
    one, two = load_splits(config, tiny_root, seed=1), load_splits(config, tiny_root, seed=2)
    assert one.facts == two.facts
    assert one.facts.sha256 == checksum(dataset)
    assert (one.facts.role, one.facts.name) == ("some", dataset.name)
    assert one.facts.n_train + one.facts.n_validation == len(dataset.train)
    assert (one.image_shape, one.n_classes) == (dataset.image_shape, dataset.n_classes)
    assert (one.classes, one.mean, one.std) == (dataset.classes, dataset.mean, dataset.std)
    np.testing.assert_array_equal(one.test.images, dataset.test.images)
    assert len(one.validation) == one.facts.n_validation == 3
