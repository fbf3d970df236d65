"""Counts against hand-made examples, and scores against nltk's."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.bleu_score import corpus_bleu

from partial_backprop.measurements.captions import ORDERS
from partial_backprop.metrics.bleu import count, count_each

WORDS = st.lists(st.sampled_from("abcd"), min_size=4, max_size=9)
"""Few words, so that they match; at least four, since nltk counts an n-gram where there is none."""
CORPORA = st.lists(
    st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=5)), min_size=1, max_size=6
)


def words(text):
    return text.split()


def test_papineni_first_example():
    """Section 2.1: "the" seven times has the clipped unigram precision 2/7."""
    references = [words("the cat is on the mat"), words("there is a cat on the mat")]
    found = count([["the"] * 7], [references])
    assert found.matches == (2, 0, 0, 0)
    assert found.totals == (7, 6, 5, 4)
    assert found.reference_length == 7
    assert found.score(1) == pytest.approx(2 / 7)
    assert found.score(2) == 0


def test_by_hand_with_brevity_penalty():
    hypothesis, reference = words("a dog runs on grass"), words("a brown dog runs on the grass")
    found = count([hypothesis], [[reference]])
    # Shared bigrams: dog runs, runs on; shared trigram: dog runs on.
    assert found.matches == (5, 2, 1, 0)
    assert found.totals == (5, 4, 3, 2)
    assert (found.hypothesis_length, found.reference_length) == (5, 7)
    shorter = math.exp(1 - 7 / 5)
    assert found.score(1) == pytest.approx(shorter)
    assert found.score(2) == pytest.approx(shorter * math.sqrt(2 / 4))
    assert found.score(3) == pytest.approx(shorter * (2 / 4 * 1 / 3) ** (1 / 3))
    assert found.score(4) == 0


def test_the_shorter_of_two_equally_close_references_counts():
    found = count([list("abcd")], [[list("abcde"), list("abc")]])
    assert found.reference_length == 3


def test_case_and_signs_are_left_alone():
    """No tokeniser splits or lowers a word; with one, both would match."""
    assert count([["don't", "A"]], [[["don", "'t", "a"]]]).matches[0] == 0


@given(CORPORA)
def test_scores_equal_nltks(corpus):
    hypotheses, references = map(list, zip(*corpus, strict=True))
    found = count(hypotheses, references)
    for n in ORDERS:
        if all(found.matches[:n]):  # without a match nltk warns, and puts a tiny number for 0
            expected = corpus_bleu(references, hypotheses, weights=(1 / n,) * n)
            assert found.score(n) == pytest.approx(expected, rel=1e-12)
        else:
            assert found.score(n) == 0


@given(CORPORA)
def test_one_by_one_equals_nltk_over_all_pairs(corpus):
    hypotheses, references = map(list, zip(*corpus, strict=True))
    found = count_each(hypotheses, references)
    pairs = [(words, [one]) for words, many in corpus for one in many]
    assert found.hypothesis_length == sum(len(words) for words, _ in pairs)
    assert found.reference_length == sum(len(one) for _, (one,) in pairs)
    if found.matches[0]:
        expected = corpus_bleu([one for _, one in pairs], [w for w, _ in pairs], weights=(1,))
        assert found.score(1) == pytest.approx(expected, rel=1e-12)


@given(CORPORA)
def test_more_references_never_match_less(corpus):
    hypotheses, references = map(list, zip(*corpus, strict=True))
    fewer = count(hypotheses, [many[:1] for many in references])
    more = count(hypotheses, references)
    pairs = zip(fewer.matches, more.matches, strict=True)
    assert all(few <= many for few, many in pairs)
    assert fewer.totals == more.totals


def test_a_true_caption_scores_one():
    caption = words("two red squares above a blue circle")
    found = count([caption], [[words("a scene"), caption]])
    assert [found.score(n) for n in ORDERS] == [pytest.approx(1)] * 4


def test_an_empty_caption_counts_nothing():
    found = count([[]], [[["a", "dog"]]])
    assert found.totals == (0, 0, 0, 0)
    assert found.score(1) == 0


@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        ([], [], "at least one"),
        ([["a"]], [[["a"]], [["b"]]], "got 2"),
        ([["a"], ["b"]], [[["a"]], []], "no reference"),
        ([["a b"]], [[["a"]]], "blanks"),
        ([["a"]], [[["a", ""]]], "empty"),
    ],
)
def test_says_what_is_wrong(hypotheses, references, message):
    with pytest.raises(ValueError, match=message):
        count(hypotheses, references)


def test_one_by_one_says_what_is_wrong():
    with pytest.raises(ValueError, match="2 sets"):
        count_each([["a"]], [[["a"]], [["b"]]])
