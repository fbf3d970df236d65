"""Groups, and the operator that shortens them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from partial_backprop.optim.prox import axes_within, group_norms, shrink

VALUES = st.lists(st.floats(-4, 4, width=32), min_size=12, max_size=12)
THRESHOLDS = st.floats(0, 3)
SHAPES = {"filters": ((3, 1, 2, 2), (1, 2, 3)), "rows": ((3, 4), (1,)), "elements": ((3, 4), ())}


def test_groups_are_those_of_the_source():
    assert axes_within(torch.zeros(4, 3, 2, 2), "elements") == (1, 2, 3)
    assert axes_within(torch.zeros(4, 3, 2, 2), "rows") == (1, 2, 3)
    assert axes_within(torch.zeros(4, 3), "elements") == ()
    assert axes_within(torch.zeros(4, 3), "rows") == (1,)
    assert axes_within(torch.zeros(4), "elements") is None
    with pytest.raises(ValueError, match="'columns'"):
        axes_within(torch.zeros(4, 3), "columns")


@pytest.mark.parametrize("groups", SHAPES)
@given(values=VALUES, threshold=THRESHOLDS)
def test_it_is_the_formula(groups, values, threshold):
    """V_g · max(0, 1 − λ/‖V_g‖), group by group in numpy."""
    shape, axes = SHAPES[groups]
    v = np.array(values).reshape(shape)
    found, inside = shrink(torch.from_numpy(v), threshold, axes)
    rows = v.reshape(-1, 1) if groups == "elements" else v.reshape(shape[0], -1)
    lengths = [float(np.sqrt((row**2).sum())) for row in rows]
    expected = [
        row * max(0, 1 - threshold / length) if length else 0 * row
        for row, length in zip(rows, lengths, strict=True)
    ]
    np.testing.assert_allclose(found.numpy().reshape(rows.shape), expected, atol=1e-12)
    assert inside.flatten().tolist() == [float(norm > threshold) for norm in _norms(v, axes)]
    assert torch.equal(found != 0, (torch.from_numpy(v) != 0) & inside.bool())


def _norms(v, axes):
    return group_norms(torch.from_numpy(v), axes).flatten().tolist()


def test_it_is_the_proximal_operator():
    """The Z with the smallest ½‖Z − V‖² + λ Σ ‖z_g‖, as a general optimizer finds it."""
    rng = np.random.default_rng(0)
    v = rng.normal(size=(3, 4)) * [[0.2], [1.0], [2.0]]

    def value(flat):
        z = flat.reshape(3, 4)
        return 0.5 * ((z - v) ** 2).sum() + 0.9 * np.linalg.norm(z, axis=1).sum()

    found, inside = shrink(torch.from_numpy(v), 0.9, (1,))
    assert inside.flatten().tolist() == [0, 1, 1]
    least = minimize(value, v.ravel(), method="Powell", options={"xtol": 1e-9, "maxiter": 10_000})
    assert value(found.numpy().ravel()) <= least.fun + 1e-9


@pytest.mark.parametrize("axes", [(), (1,)])
def test_without_a_threshold_nothing_is_shortened(axes):
    values = torch.tensor([[0.0, 0.0], [1.0, -2.0]])
    found, inside = shrink(values, 0.0, axes)
    torch.testing.assert_close(found, values)
    assert torch.equal(inside, group_norms(values, axes).sign())
