"""The loss and its gradient against automatic differentiation."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from partial_backprop.sparse.samples import X, Y
from partial_backprop.sparse.squares import gradient, loss

WEIGHTS = arrays(float, 5, elements=st.floats(-100, 100))


@given(WEIGHTS)
def test_loss_and_gradient_agree_with_automatic_differentiation(weights):
    w = torch.tensor(weights, requires_grad=True)
    value = (torch.from_numpy(X) @ w - torch.from_numpy(Y)).square().sum()
    value.backward()
    assert loss(weights, X, Y) == pytest.approx(value.item(), rel=1e-12, abs=1e-12)
    assert gradient(weights, X, Y) == pytest.approx(w.grad.numpy(), rel=1e-10, abs=1e-10)


@given(WEIGHTS)
def test_the_gradient_is_the_sum_of_the_samples(weights):
    parts = sum(gradient(weights, X[i : i + 1], Y[i : i + 1]) for i in range(3))
    assert parts == pytest.approx(gradient(weights, X, Y), rel=1e-12, abs=1e-9)


def test_the_loss_is_a_sum_and_no_mean():
    assert loss(np.zeros(5), X, Y) == 7**2 + 1 + 1
