"""Words and numbers: counted, encoded, decoded, written down and read again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.captioning.vocabulary import (
    END,
    MARKS,
    PAD,
    START,
    UNKNOWN,
    Vocabulary,
    tokenize,
)

CAPTIONS = ("A dog runs .", "A dog's ball, 2 dogs!", "the dog")
WORDS = st.text("abc", min_size=1, max_size=3)


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A man in a red T-shirt .", ("a", "man", "in", "a", "red", "t", "shirt")),
        ("two dogs' 3rd ball_game", ("two", "dogs", "3rd", "ball", "game")),
        ("Élan über Bäche", ("élan", "über", "bäche")),
        (' "." ', ()),
    ],
)
def test_words_are_letters_and_digits_in_lower_case(caption, words):
    assert tokenize(caption) == words


def test_frequent_words_come_first_and_rare_ones_not_at_all():
    # a 2, dog 3, every other word once.
    assert Vocabulary.of(CAPTIONS, 2).words == (*MARKS, "dog", "a")
    assert Vocabulary.of(CAPTIONS, 1).words[4:] == (
        "dog", "a", "2", "ball", "dogs", "runs", "s", "the",
    )  # fmt: skip


def test_captions_in_numbers():
    numbers, lengths = Vocabulary((*MARKS, "dog", "a")).encode(
        [("a", "dog"), ("the", "dog", "a", "dog"), ()], max_words=3
    )
    assert numbers.tolist() == [
        [START, 5, 4, END, PAD],
        [START, UNKNOWN, 4, 5, END],  # cut off after three words
        [START, END, PAD, PAD, PAD],
    ]
    assert lengths.tolist() == [4, 5, 2]


@given(st.lists(st.lists(WORDS, max_size=6), min_size=1, max_size=5))
def test_what_is_known_comes_back(captions):
    known = sorted({word for caption in captions for word in caption})
    vocabulary = Vocabulary((*MARKS, *known))
    numbers, lengths = vocabulary.encode(captions, max_words=6)
    for row, length, caption in zip(numbers, lengths, captions, strict=True):
        assert vocabulary.decode(row.tolist()) == tuple(caption)
        assert vocabulary.decode(row[1:].tolist()) == tuple(caption)
        assert length == len(caption) + 2


@given(st.sets(st.text(min_size=1, max_size=4).filter(lambda word: word not in MARKS)))
def test_written_down_and_read_again(words):
    vocabulary = Vocabulary((*MARKS, *sorted(words)))
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


@pytest.mark.parametrize(
    "text", ["{}", "[1]", "[]", '["a"]', json.dumps([*MARKS, "a", "a"]), "no JSON"]
)
def test_anything_else_is_no_vocabulary(text):
    with pytest.raises(ValueError, match=r"vocabulary|Expecting"):
        Vocabulary.from_json(text)


def test_too_high_a_count_leaves_no_word():
    with pytest.raises(ValueError, match="occurs"):
        Vocabulary.of(CAPTIONS, 4)
