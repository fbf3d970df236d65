"""When the learning rate falls and training ends, against a counter that goes along."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.captioning.plateau import best, is_over, n_decays, since_best


def counted(scores, patience, stop_after):
    """Rates lowered and epochs run, by a loop with a counter."""
    highest, waited, lowered = -1.0, 0, 0
    for epoch, score in enumerate(scores):
        if waited >= stop_after:
            return lowered, epoch
        if waited > 0 and waited % patience == 0:
            lowered += 1
        highest, waited = (score, 0) if score > highest else (highest, waited + 1)
    return lowered, len(scores)


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3]), min_size=1, max_size=25),
    st.integers(1, 5),
    st.integers(1, 10),
)
def test_goes_with_a_counter(scores, patience, stop_after):
    """The counter lowers before an epoch that runs; n_decays(scores) is asked before the next."""
    lowered, n_run = counted(scores, patience, stop_after)
    assert n_run == next(
        (n for n in range(len(scores)) if is_over(scores[:n], stop_after)), len(scores)
    )
    assert lowered == n_decays(scores[: n_run - 1], patience)


@pytest.mark.parametrize(
    ("scores", "patience", "expected"),
    [
        ([], 3, 0),
        ([0.1, 0.1, 0.1], 3, 0),
        ([0.1, 0.1, 0.1, 0.1], 3, 1),
        ([0.1] * 7, 3, 2),
        ([0.1, 0.0, 0.0, 0.0, 0.2, 0.0, 0.0], 3, 1),
        ([0.1, 0.0, 0.0, 0.0, 0.2, 0.0, 0.0, 0.0], 3, 2),
    ],
)
def test_falls_once_every_so_many_epochs_in_a_row(scores, patience, expected):
    assert n_decays(scores, patience) == expected


def test_the_first_of_equals_is_the_best():
    assert best([0.0, 0.3, 0.1, 0.3]) == 1
    assert since_best([0.0, 0.3, 0.1, 0.3]) == 2
    assert since_best([]) == 0
