"""The samples hide one sparse solution."""

import itertools

import numpy as np

from partial_backprop.sparse.samples import SPARSEST, X, Y


def test_no_other_pair_of_weights_and_no_single_one_solves_the_model():
    solved = []
    for pair in itertools.combinations(range(5), 2):
        found, *_ = np.linalg.lstsq(X[:, pair], Y)
        if np.allclose(X[:, pair] @ found, Y):
            solved.append((pair, found))
    ((pair, found),) = solved
    assert pair == (1, 4)
    np.testing.assert_allclose(found, SPARSEST[[1, 4]], atol=1e-12)
    np.testing.assert_array_equal(X @ SPARSEST, Y)
