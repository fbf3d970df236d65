"""What every data set with captions keeps to; a new module is tested as soon as it is there."""

import inspect

import numpy as np
import pytest
from tests.data import layouts

from partial_backprop import registry
from partial_backprop.data.captioned import CaptionedDataset, checksum, load_captioned
from partial_backprop.data.dataset import load_splits
from partial_backprop.errors import UserError
from partial_backprop.run_config import DataConfig

OPTIONS = {
    "captioned_scenes": {"n_train": 8, "n_validation": 5, "n_test": 4},
    "flickr8k": {"side": 32},
}
"""Options that make a data set small."""

CAPTIONED = [name for name in registry.names("data") if layouts.has_captions(name)]


@pytest.fixture(params=CAPTIONED)
def name(request):
    """Name of a data set."""
    return request.param


@pytest.fixture
def load(name, tiny_root):
    """Its `load`, for a small set, with further options."""
    options = OPTIONS.get(name, {})
    return lambda **more: registry.load("data", name)(tiny_root, **{**options, **more})


def config(name, **more):
    return DataConfig(role="flickr8k", dataset={"name": name, **OPTIONS[name]}, **more)


def test_both_are_covered():
    assert sorted(OPTIONS) == CAPTIONED


def test_twice_the_same_bytes(load):
    assert checksum(load()) == checksum(load())


def test_images_are_pixels_however_they_are_taken(load):
    images = load().train.images
    whole = images[:]
    assert whole.shape == images.shape == (len(images), 3, *images.shape[2:])
    assert whole.dtype == np.uint8
    np.testing.assert_array_equal(images[[3, 0]], whole[[3, 0]])
    np.testing.assert_array_equal(images[np.array([1, 1])], whole[[1, 1]])
    np.testing.assert_array_equal(images[1:4], whole[1:4])
    np.testing.assert_array_equal(images[2], whole[2])


def test_options_take_the_first(load):
    whole = load()
    for option, part in (("n_train", "train"), ("n_validation", "validation"), ("n_test", "test")):
        some = load(**{option: 3})
        assert getattr(some, part).captions == getattr(whole, part).captions[:3]
        np.testing.assert_array_equal(
            getattr(some, part).images[:], getattr(whole, part).images[:3]
        )
        assert checksum(some) != checksum(whole)
        for other in {"train", "validation", "test"} - {part}:
            assert getattr(some, other).captions == getattr(whole, other).captions


def test_none_at_all(load):
    for option in ("n_train", "n_validation", "n_test"):
        with pytest.raises(UserError, match="choose"):
            load(**{option: 0})


def test_no_test_image_is_trained_on(load):
    dataset = load()
    seen = {image.tobytes() for part in dataset.parts[:2] for image in part.images[:]}
    assert len(seen) == len(dataset.train) + len(dataset.validation)
    assert not [image for image in dataset.test.images[:] if image.tobytes() in seen]


def test_no_stand_in_takes_the_name_of_what_it_stands_for(name, load):
    assert (load().name == "flickr8k") == (name == "flickr8k")


def test_splits(name, tiny_root, load):
    splits = load_captioned(config(name, n_validation=5), tiny_root, seed=1)
    dataset = load()
    assert isinstance(dataset, CaptionedDataset)
    assert splits.facts.sha256 == checksum(dataset)
    assert (splits.facts.role, splits.facts.name) == ("flickr8k", dataset.name)
    sizes = splits.facts.n_train, splits.facts.n_validation, splits.facts.n_test
    assert sizes == tuple(len(part) for part in dataset.parts)
    assert splits.facts.n_classes is None
    assert splits.facts.image_shape == splits.test.images.shape[1:]
    assert (splits.mean, splits.std) == (dataset.mean, dataset.std)
    assert all(len(captions) == 5 for captions in splits.train.captions)


def test_size_of_validation_part_is_the_roles(name, tiny_root):
    spec = {key: value for key, value in OPTIONS[name].items() if key != "n_validation"}
    data = DataConfig(role="flickr8k", dataset={"name": name, **spec}, n_validation=2)
    splits = load_captioned(data, tiny_root, seed=0)
    assert len(splits.validation) == splits.facts.n_validation == 2
    clash = DataConfig(
        role="flickr8k", dataset={"name": name, **spec, "n_validation": 3}, n_validation=2
    )
    with pytest.raises(UserError, match="n_validation"):
        load_captioned(clash, tiny_root, seed=0)


def test_no_classifier_can_be_trained_on_it(name, tiny_root):
    with pytest.raises(UserError, match=f"{name} has captions and no classes") as caught:
        load_splits(config(name, n_validation=5), tiny_root, seed=0)
    assert "\n" not in str(caught.value)


def test_real_data_that_is_absent_is_an_error(name, tmp_path):
    """And no other data set is taken in its place."""
    if name == "captioned_scenes":
        assert registry.load("data", name)(tmp_path, **OPTIONS[name]).name == name
        return
    with pytest.raises(UserError, match="put there") as caught:
        registry.load("data", name)(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_of_sizes(name):
    parameters = inspect.signature(registry.load("data", name)).parameters
    assert {"root", "n_train", "n_validation", "n_test"} <= set(parameters)
