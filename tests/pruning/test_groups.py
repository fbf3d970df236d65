"""The group lasso's proximal operator: optimal by scipy's minimiser, monotone, exactly zero."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.optimize import minimize

from partial_backprop.networks import filter_cnn
from partial_backprop.pruning.chain import chain
from partial_backprop.pruning.groups import GROUPED, group_prox, penalized

BLOCKS = arrays(
    float,
    array_shapes(min_dims=3, max_dims=3, max_side=3),
    elements=st.integers(-3000, 3000).map(lambda n: n / 1000),
)
THRESHOLDS = st.floats(0, 2)
BY = st.sampled_from(list(GROUPED))


def objective(z: np.ndarray, w: np.ndarray, threshold: float, by: str) -> float:
    """½‖z − w‖² + t Σ √|g| ‖z_g‖, group by group in plain numpy."""
    groups = z if by == "filters" else z.swapaxes(0, 1)
    penalty = sum(np.sqrt(group.size) * np.sqrt((group**2).sum()) for group in groups)
    return float(((z - w) ** 2).sum() / 2 + threshold * penalty)


def norms(blocks: torch.Tensor, by: str) -> torch.Tensor:
    groups = blocks if by == "filters" else blocks.swapaxes(0, 1)
    return torch.stack([group.square().sum().sqrt() for group in groups])


@settings(max_examples=40, deadline=None)
@given(BLOCKS, THRESHOLDS, BY)
def test_no_minimiser_finds_anything_lower(w, threshold, by):
    found = group_prox(torch.from_numpy(w), threshold, by).numpy()
    value = objective(found, w, threshold, by)
    for start in (w, np.zeros_like(w), found):
        other = minimize(
            lambda z: objective(z.reshape(w.shape), w, threshold, by),
            start.ravel(),
            method="Powell",
        )
        assert value <= other.fun + 1e-9


@given(BLOCKS, THRESHOLDS, BY)
def test_groups_are_shortened_in_their_own_direction(w, threshold, by):
    found = group_prox(torch.from_numpy(w), threshold, by).numpy()
    pairs = zip(w, found, strict=True)
    if by == "channels":
        pairs = zip(w.swapaxes(0, 1), found.swapaxes(0, 1), strict=True)
    for before, after in pairs:
        length, by_how_much = np.linalg.norm(before), threshold * np.sqrt(before.size)
        if length <= by_how_much * (1 - 1e-12):
            assert not after.any()
        else:
            shorter = max(length - by_how_much, 0)
            assert np.linalg.norm(after) == pytest.approx(shorter, abs=1e-12)
            np.testing.assert_allclose(after * length, before * shorter, atol=1e-12)


@given(BLOCKS, THRESHOLDS, THRESHOLDS, BY)
def test_a_larger_threshold_leaves_less(w, one, other, by):
    blocks = torch.from_numpy(w)
    light, heavy = (group_prox(blocks, t, by) for t in sorted((one, other)))
    assert (norms(heavy, by) <= norms(light, by) + 1e-12).all()
    assert not heavy[light == 0].any()


@given(BLOCKS, BY)
def test_nothing_changes_at_zero_and_nothing_is_left_at_the_largest_norm(w, by):
    blocks = torch.from_numpy(w)
    assert torch.equal(group_prox(blocks, 0.0, by), blocks)
    found = norms(blocks, by)
    largest = float(found.max()) / (blocks.numel() / len(found)) ** 0.5  # ‖w_g‖ = t √|g|
    assert not group_prox(blocks, largest * (1 + 1e-9) + 1e-300, by).any()


def test_filters_and_channels_are_rows_and_columns():
    blocks = torch.zeros(2, 3, 4)
    blocks[1, 2] = 1.0
    by_filter, by_channel = (group_prox(blocks, 0.1, by) for by in ("filters", "channels"))
    # √4 = 2 less 0.1 · √12 of a filter of 12 weights, and less 0.1 · √8 of a channel of 8.
    assert float(by_filter[1, 2, 0]) == pytest.approx(1 - 0.1 * 12**0.5 / 2)
    assert float(by_channel[1, 2, 0]) == pytest.approx(1 - 0.1 * 8**0.5 / 2)


def test_classes_and_the_images_channels_are_spared():
    links = chain(filter_cnn.build((3, 32, 32), 10, width=0.0625))
    names = ["conv1_1", "conv2_1", "conv3_1", "fc1", "fc2"]
    assert [link.name for link in penalized(links, "filters")] == names[:-1]
    assert [link.name for link in penalized(links, "channels")] == names[1:]


def test_an_unknown_grouping_is_told():
    with pytest.raises(ValueError, match="'rows'"):
        penalized([], "rows")


def test_a_negative_threshold_is_told():
    with pytest.raises(ValueError, match="0 or more"):
        group_prox(torch.ones(1, 1, 1), -0.1, "filters")
