"""Choosing and holding out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.data.examples import Examples, balanced, hold_out, subset
from partial_backprop.errors import UserError

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=40).map(np.array)


def numbered(n):
    """Examples that are told apart by their label."""
    return Examples(np.zeros((n, 1, 2, 2), np.uint8), np.arange(n))


def round_robin(labels, n):
    """The rule of `balanced`, in words: queues by class, one from each in turn."""
    queues = [[i for i, label in enumerate(labels) if label == kind] for kind in range(5)]
    chosen = []
    while len(chosen) < n:
        chosen += sorted(queue.pop(0) for queue in queues if queue)
    return sorted(chosen[:n])


@given(LABELS, st.data())
def test_balanced_takes_turns(labels, data):
    n = data.draw(st.integers(1, len(labels)))
    assert balanced(labels, n).tolist() == round_robin(labels.tolist(), n)


@given(LABELS, st.data())
def test_a_smaller_choice_is_part_of_a_larger_one(labels, data):
    n = data.draw(st.integers(1, len(labels)))
    m = data.draw(st.integers(1, n))
    assert set(balanced(labels, m)) <= set(balanced(labels, n))


def test_all_of_them():
    examples = numbered(5)
    assert subset(examples, None) is examples
    np.testing.assert_array_equal(subset(examples, 5).labels, examples.labels)


@pytest.mark.parametrize("n", [0, -1, 6])
def test_more_or_fewer_than_there_are(n):
    with pytest.raises(UserError, match=f"{n} training images were asked for: choose from 1 to 5"):
        subset(numbered(5), n, "training images")


@given(st.integers(2, 60), st.integers(0, 5), st.data())
def test_hold_out_divides(n, seed, data):
    n_validation = data.draw(st.integers(1, n - 1))
    train, validation = hold_out(numbered(n), n_validation, seed)
    assert len(validation) == n_validation
    assert sorted([*train.labels, *validation.labels]) == list(range(n))
    assert np.all(np.diff(train.labels) > 0)
    assert np.all(np.diff(validation.labels) > 0)


def test_hold_out_follows_the_seed():
    held = [hold_out(numbered(100), 30, seed)[1].labels.tolist() for seed in (0, 0, 1)]
    assert held[0] == held[1] != held[2]


def test_every_example_is_held_out_equally_often():
    """Over many seeds the counts are binomial: within five standard deviations of the mean."""
    n, n_validation, seeds = 20, 5, 2000
    counts = np.zeros(n)
    for seed in range(seeds):
        counts[hold_out(numbered(n), n_validation, seed)[1].labels] += 1
    share = n_validation / n
    deviation = np.sqrt(seeds * share * (1 - share))
    assert np.all(np.abs(counts - seeds * share) < 5 * deviation)


def test_hold_out_keeps_images_with_their_labels():
    images = np.repeat(np.arange(50, dtype=np.uint8), 4).reshape(50, 1, 2, 2)
    for part in hold_out(Examples(images, np.arange(50)), 20, seed=3):
        np.testing.assert_array_equal(part.images[:, 0, 0, 0], part.labels)


@pytest.mark.parametrize("n_validation", [0, 10, 11])
def test_hold_out_leaves_both_sides_something(n_validation):
    with pytest.raises(UserError, match="choose from 1 to 9"):
        hold_out(numbered(10), n_validation, seed=0)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((3, 1, 2, 2)), np.zeros(3, int), "images must be uint8"),
        (np.zeros((3, 2, 2), np.uint8), np.zeros(3, int), "shape"),
        (np.zeros((3, 1, 2, 2), np.uint8), np.zeros(2, int), "labels"),
        (np.zeros((3, 1, 2, 2), np.uint8), np.zeros(3), "labels must be int64"),
        (np.zeros((3, 1, 2, 2), np.uint8), np.array([0, -1, 0]), "0 or more, got -1"),
        (np.zeros((0, 1, 2, 2), np.uint8), np.zeros(0, int), "at least one"),
    ],
)
def test_examples_refuse(images, labels, message):
    with pytest.raises(ValueError, match=message):
        Examples(images, labels)
