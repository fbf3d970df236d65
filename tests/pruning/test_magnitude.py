"""Percentiles against numpy's and exact fractions; the source's sparsities to the last digit."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop.networks import resnet20
from partial_backprop.pruning.layers import prunable
from partial_backprop.pruning.magnitude import globally, largest_pruned, layerwise

PER_CENT = st.integers(1, 100)
TENSORS = st.lists(
    # Few values: ties are the rule.
    st.lists(st.integers(-4, 4), min_size=1, max_size=30),
    min_size=1,
    max_size=4,
)
SEED_LAYERWISE = {
    # sparse_homework, lines 204 to 223 (and again 237 to 256): sparsities at q = 0.8, by layer.
    "head_conv.0.conv": 0.7986111111111112,
    "body_op.0.conv1.0.conv": 0.7999131944444444,
    "body_op.0.conv2.0.conv": 0.7999131944444444,
    "body_op.1.conv1.0.conv": 0.7999131944444444,
    "body_op.1.conv2.0.conv": 0.7999131944444444,
    "body_op.2.conv1.0.conv": 0.7999131944444444,
    "body_op.2.conv2.0.conv": 0.7999131944444444,
    "body_op.3.conv1.0.conv": 0.7999131944444444,
    "body_op.3.conv2.0.conv": 0.8000217013888888,
    "body_op.4.conv1.0.conv": 0.8000217013888888,
    "body_op.4.conv2.0.conv": 0.8000217013888888,
    "body_op.5.conv1.0.conv": 0.8000217013888888,
    "body_op.5.conv2.0.conv": 0.8000217013888888,
    "body_op.6.conv1.0.conv": 0.7999674479166666,
    "body_op.6.conv2.0.conv": 0.7999945746527778,
    "body_op.7.conv1.0.conv": 0.7999945746527778,
    "body_op.7.conv2.0.conv": 0.7999945746527778,
    "body_op.8.conv1.0.conv": 0.7999945746527778,
    "body_op.8.conv2.0.conv": 0.7999945746527778,
    "final_fc.linear": 0.8,
}
SEED_TOTAL = 0.8000007453342078  # sparse_homework, line 294 (and 449): all layers by one threshold


def named(tensors):
    return {f"w{i}": torch.tensor(t, dtype=torch.float32) for i, t in enumerate(tensors)}


def by_hand(sizes, per_cent):
    """Keep what is above the value at the percentile's rank, in whole numbers and fractions."""
    rank = Fraction(per_cent, 100) * (len(sizes) - 1)
    ordered = sorted(sizes)
    low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
    limit = low + (rank - math.floor(rank)) * (high - low)
    return [size > limit for size in sizes]


@pytest.fixture(scope="module")
def weights():
    torch.manual_seed(0)
    return prunable(resnet20.build((3, 32, 32), 10))


def test_layer_by_layer_the_sparsities_are_the_sources(weights):
    keep = layerwise(weights, 0.8)
    found = {name: int((~entries).sum()) / entries.numel() for name, entries in keep.items()}
    assert found == SEED_LAYERWISE
    assert list(found) == list(SEED_LAYERWISE)


def test_over_all_layers_the_sparsity_is_the_sources(weights):
    keep = globally(weights, 0.8)
    n_zeros = sum(int((~entries).sum()) for entries in keep.values())
    assert n_zeros / sum(entries.numel() for entries in keep.values()) == SEED_TOTAL


def test_the_source_in_either_precision_prunes_the_same(weights):
    """Its listing is not printed; numpy's percentile at 80 and ``<=`` it names."""
    together = np.concatenate([w.detach().abs().numpy().ravel() for w in weights.values()])
    for dtype in (np.float32, np.float64):
        sizes = together.astype(dtype)
        expected = sizes > np.percentile(sizes, 80)
        found = torch.cat([entries.flatten() for entries in globally(weights, 0.8).values()])
        assert np.array_equal(found.numpy(), expected)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=120), PER_CENT)
def test_the_largest_that_is_pruned_lies_below_the_exact_percentile(values, per_cent):
    rank = Fraction(per_cent, 100) * (len(values) - 1)
    found = largest_pruned(torch.tensor(values, dtype=torch.float32), per_cent / 100)
    assert found == sorted(values)[math.floor(rank)]


@given(TENSORS, PER_CENT)
def test_layers_are_pruned_each_for_itself(tensors, per_cent):
    keep = layerwise(named(tensors), per_cent / 100)
    expected = [by_hand([abs(v) for v in tensor], per_cent) for tensor in tensors]
    assert [entries.tolist() for entries in keep.values()] == expected


@given(TENSORS, PER_CENT)
def test_globally_is_one_long_tensor(tensors, per_cent):
    keep = globally(named(tensors), per_cent / 100)
    expected = by_hand([abs(v) for tensor in tensors for v in tensor], per_cent)
    assert torch.cat(list(keep.values())).tolist() == expected


@given(
    st.integers(1, 300), st.floats(0, 1, exclude_min=True), st.sampled_from(["float32", "bfloat16"])
)
def test_neighbouring_floats_are_told_apart(n, share, dtype):
    """Where an interpolated threshold, rounded to the weights' type, may be the next weight."""
    dtype = getattr(torch, dtype)
    ulp = torch.finfo(dtype).eps
    weights = (1 + ulp * torch.arange(min(n, 100), dtype=torch.float64)).to(dtype)
    assert weights.unique().numel() == weights.numel()
    n_pruned = int((~layerwise({"w": weights}, share)["w"]).sum())
    assert n_pruned == math.floor(round((weights.numel() - 1) * share, 6)) + 1


def test_a_rank_that_is_whole_on_paper_is_whole_here():
    """0.29 * 100 is 28.999999999999996 in floating point."""
    magnitudes = torch.arange(101, dtype=torch.float32)
    assert largest_pruned(magnitudes, 0.29) == 29
    assert int((~layerwise({"w": magnitudes}, 0.29)["w"]).sum()) == 30


def test_the_ranks_of_many_weights_are_exact():
    """At 2^24 + 2 values, where float32 has no odd ranks and torch.quantile gives up."""
    n = 2**24 + 2
    magnitudes = torch.arange(n, dtype=torch.float64)
    assert largest_pruned(magnitudes, 1 - 2 / (n - 1)) == n - 3


def test_share_0_prunes_nothing_and_share_1_everything():
    weights = named([[0, 0, 1], [5]])
    for prune in (layerwise, globally):
        assert all(bool(entries.all()) for entries in prune(weights, 0).values())
        assert not any(bool(entries.any()) for entries in prune(weights, 1).values())


def test_shapes_types_and_the_weights_themselves():
    draw = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 3, 3, 3, generator=draw).to(memory_format=torch.channels_last)
    before = weight.clone()
    for prune in (layerwise, globally):
        keep = prune({"w": weight}, 0.5)["w"]
        assert (keep.shape, keep.dtype) == (weight.shape, torch.bool)
        assert torch.equal(keep, prune({"w": weight.contiguous()}, 0.5)["w"])
    assert torch.equal(weight, before)


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
@pytest.mark.parametrize("prune", [layerwise, globally])
def test_a_share_is_a_share(prune, share):
    with pytest.raises(ValueError, match="share"):
        prune({"w": torch.ones(2)}, share)


@pytest.mark.parametrize("prune", [layerwise, globally])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_cannot_be_ranked_is_refused(prune, bad):
    with pytest.raises(ValueError, match=r"NaN.*infinite"):
        prune({"w": torch.tensor([1.0, bad])}, 0.5)


def test_nothing_to_prune_is_told():
    with pytest.raises(ValueError, match="prune"):
        layerwise({"w": torch.empty(0)}, 0.5)
    with pytest.raises(ValueError, match="prune"):
        globally({}, 0.5)
