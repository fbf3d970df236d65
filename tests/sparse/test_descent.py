"""Descents against automatic differentiation, and where they end."""

from functools import partial

import numpy as np
import pytest
import torch

from partial_backprop.sparse.descent import full_batch, per_sample
from partial_backprop.sparse.penalties import (
    l1_subgradient,
    soft_threshold,
    trimmed_soft_threshold,
)
from partial_backprop.sparse.projection import project
from partial_backprop.sparse.samples import SPARSEST, X, Y
from partial_backprop.sparse.squares import loss

RATE = 0.02
LAB = {"learning_rate": RATE, "steps": 200}
DESCENTS = {"full_batch": full_batch, "per_sample": per_sample}


def with_autograd(order: str, penalty: float, steps: int) -> np.ndarray:
    """Descend with torch's own derivative and optimizer; abs has the derivative 0 at 0."""
    w = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=RATE)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    batches = [slice(None)] if order == "full_batch" else [slice(i, i + 1) for i in range(3)]
    path = [w.detach().numpy().copy()]
    for _ in range(steps):
        for batch in batches:
            optimizer.zero_grad()
            ((x[batch] @ w - y[batch]).square().sum() + penalty * w.abs().sum()).backward()
            optimizer.step()
            path.append(w.detach().numpy().copy())
    return np.array(path)


@pytest.mark.parametrize("order", DESCENTS)
@pytest.mark.parametrize("penalty", [0.0, 0.5])
def test_paths_agree_with_automatic_differentiation(order, penalty):
    # Only at first: later, rounding decides on which side of zero a penalised weight falls.
    steps = 20
    path = DESCENTS[order](
        X,
        Y,
        learning_rate=RATE,
        steps=steps,
        subgradient=partial(l1_subgradient, strength=penalty),
    )
    np.testing.assert_allclose(path, with_autograd(order, penalty, steps), atol=1e-12)


@pytest.mark.parametrize("order", DESCENTS)
def test_plain_descent_ends_at_the_solution_of_smallest_norm(order):
    last = DESCENTS[order](X, Y, **LAB)[-1]
    np.testing.assert_allclose(last, np.linalg.pinv(X) @ Y, atol=1e-12)
    assert loss(last, X, Y) < 1e-26
    assert np.count_nonzero(last) == 5


@pytest.mark.parametrize("ties", ["last", "first"])
def test_projected_descent_finds_the_sparsest_solution(ties):
    after = partial(project, n_nonzero=2, ties=ties)
    for path in (
        full_batch(X, Y, **LAB, after_update=after),
        per_sample(X, Y, **LAB, after_sweep=after),
    ):
        np.testing.assert_allclose(path[-1], SPARSEST, atol=1e-12)
        assert loss(path[-1], X, Y) < 1e-26


def test_projected_after_each_sample_the_rule_for_ties_decides():
    first_update = per_sample(X, Y, learning_rate=RATE, steps=1)[1]
    assert (np.abs(first_update) == np.abs(first_update[0])).sum() == 4
    last, first = (
        per_sample(X, Y, **LAB, after_update=partial(project, n_nonzero=2, ties=ties))[-1]
        for ties in ("last", "first")
    )
    np.testing.assert_allclose(last, SPARSEST, atol=1e-12)
    assert np.flatnonzero(first).tolist() == [0, 1]
    assert loss(first, X, Y) > 0.1


@pytest.mark.parametrize("order", DESCENTS)
@pytest.mark.parametrize("strength", [1, 2, 5, 10])
def test_the_trimmed_penalty_finds_the_sparsest_solution(order, strength):
    after = partial(trimmed_soft_threshold, threshold=RATE * strength, n_penalized=3)
    last = DESCENTS[order](X, Y, **LAB, after_update=after)[-1]
    np.testing.assert_allclose(last, SPARSEST, atol=1e-12)
    assert loss(last, X, Y) < 1e-26


@pytest.mark.parametrize(
    # From a program of its own, written before this package, in double precision.
    ("order", "losses"),
    [
        ("full_batch", ("0.0068", "0.024", "0.106", "0.367")),
        ("per_sample", ("0.030", "0.19", "0.77", "2.93")),
    ],
)
def test_last_losses_under_the_l1_penalty(order, losses):
    for strength, expected in zip((0.2, 0.5, 1, 2), losses, strict=True):
        path = DESCENTS[order](X, Y, **LAB, subgradient=partial(l1_subgradient, strength=strength))
        decimals = len(expected.partition(".")[2])
        assert f"{loss(path[-1], X, Y):.{decimals}f}" == expected


@pytest.mark.parametrize("strength", [1, 2])
def test_the_proximal_descent_ends_at_a_minimum_of_the_objective(strength):
    """Optimality: the gradient is −λ sign(W) where W is not 0, and at most λ in size elsewhere."""
    last = full_batch(
        X,
        Y,
        learning_rate=RATE,
        steps=2000,
        after_update=partial(soft_threshold, threshold=RATE * strength),
    )[-1]
    slope = 2 * X.T @ (X @ last - Y)
    nonzero = last != 0
    np.testing.assert_allclose(slope[nonzero], -strength * np.sign(last[nonzero]), atol=1e-9)
    assert (np.abs(slope[~nonzero]) <= strength).all()


def test_one_sample_at_a_time_is_the_full_batch_of_one_sample():
    one = X[:1], Y[:1]
    np.testing.assert_array_equal(full_batch(*one, **LAB), per_sample(*one, **LAB))
