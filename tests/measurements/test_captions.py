"""Scores from counts, and the choice of captions to show."""

import math

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.measurements.captions import ORDERS, BleuCounts, four_of_different_lengths


def counts(matches=(8, 4, 2, 1), totals=(10, 8, 6, 4), hypothesis=10, reference=10):
    return BleuCounts(
        matches=matches,
        totals=totals,
        hypothesis_length=hypothesis,
        reference_length=reference,
    )


def test_scores_are_geometric_means_of_precisions():
    precisions = [0.8, 0.5, 1 / 3, 0.25]
    for n in ORDERS:
        assert counts().score(n) == pytest.approx(math.prod(precisions[:n]) ** (1 / n))


def test_only_short_captions_pay_for_their_length():
    assert counts(reference=9).score(2) == counts().score(2)
    assert counts(reference=12).score(2) == pytest.approx(counts().score(2) * math.exp(1 - 1.2))


def test_there_is_no_other_order():
    with pytest.raises(ValueError, match="BLEU-5"):
        counts().score(5)


def test_no_more_matches_than_ngrams():
    with pytest.raises(pydantic.ValidationError, match="more matches"):
        counts(matches=(11, 0, 0, 0))


def test_chooses_by_rank():
    lengths = [9, 3, 5, 4, 8, 7, 6, 10, 11]  # sorted: 3 4 5 6 7 8 9 10 11
    chosen = four_of_different_lengths(lengths)
    assert [lengths[index] for index in chosen] == [3, 6, 9, 11]


def test_moves_on_where_a_length_repeats():
    assert four_of_different_lengths([5, 5, 5, 5, 5, 6, 7, 8]) == [0, 5, 6, 7]


def test_begins_again_after_the_last():
    # Ranks 0, 4, 8 and 11 hold 5, 8, 8, 8: the third finds 6 and the fourth 7 from the front.
    assert four_of_different_lengths([5, 6, 7, 8, 8, 8, 8, 8, 8, 8, 8, 8]) == [0, 1, 2, 4]


@given(st.lists(st.integers(1, 8), max_size=30))
def test_as_many_lengths_as_there_are(lengths):
    chosen = four_of_different_lengths(lengths)
    found = [lengths[index] for index in chosen]
    assert found == sorted(set(found))
    assert len(found) == min(4, len(set(lengths)))
    assert not found or chosen[0] == lengths.index(min(lengths))
