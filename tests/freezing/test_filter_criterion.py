"""Whole filters freeze, with their biases; normalisations stay."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from partial_backprop import PartialBackprop, UserError
from partial_backprop.freezing import filters, quantile

NAMES = {
    "conv.weight": (6, 3, 2, 2), "conv.bias": (6,), "norm.weight": (6,), "norm.bias": (6,),
    "head.weight": (4, 6), "head.bias": (4,), "scale": (),
}  # fmt: skip


def gradients(seed: int = 0) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=draw) for name, shape in NAMES.items()}


def means(given) -> dict[str, list[float]]:
    """Mean magnitude of each filter, by a loop."""
    return {
        name: [sum(abs(x) for x in row.flatten().tolist()) / row.numel() for row in g]
        for name, g in given.items()
        if g.dim() > 1
    }


@given(st.floats(0, 1), st.integers(0, 20), st.sampled_from(["network", "layer"]))
def test_filters_freeze_whole_the_smallest_first(q, seed, scope):
    found = gradients(seed)
    mask = filters.mask(found, q=q, scope=scope)
    rows = {name: mask[name].flatten(1) for name in ("conv.weight", "head.weight")}
    for name, entries in rows.items():
        assert torch.equal(entries.all(1), entries.any(1))
        assert torch.equal(mask[name.replace("weight", "bias")], entries.any(1))
    assert all(mask[name].all() for name in ("norm.weight", "norm.bias", "scale"))
    groups = [rows] if scope == "network" else [{name: entries} for name, entries in rows.items()]
    for group in groups:
        active = torch.cat([entries.any(1) for entries in group.values()])
        size = torch.tensor([m for name in group for m in means(found)[name]])
        assert int((~active).sum()) == int(q * len(active) + 0.5)
        if 0 < int(active.sum()) < len(active):
            assert size[~active].max() <= size[active].min()
    if scope == "layer":
        assert mask.threshold is None


def test_like_takes_over_a_threshold():
    found = gradients()
    like = {"name": "quantile", "q": 0.6}
    mask = filters.mask(found, like=like)
    threshold = quantile.mask(found, q=0.6).threshold
    assert mask.threshold == threshold
    for name, sizes in means(found).items():
        assert mask[name].flatten(1).any(1).tolist() == [size > threshold for size in sizes]
    assert 0 < mask.n_frozen() < mask.n_weights()


@pytest.mark.parametrize("kind", [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d])
@pytest.mark.parametrize(("groups", "inputs", "outputs"), [(1, 4, 6), (2, 4, 6), (3, 3, 6)])
@pytest.mark.parametrize("criterion", ["filters", "random"])
def test_output_filters_of_transposed_convolutions_lie_along_the_second_axis(
    kind, groups, inputs, outputs, criterion
):
    """Checked by what an output channel depends on, not by axes."""
    torch.manual_seed(0)
    model = nn.Sequential(kind(inputs, outputs, 2, groups=groups))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    half = {"name": "filters", "q": 0.5, "scope": "layer"}
    named = half if criterion == "filters" else {"name": "random", "like": half, "seed": 0}
    pb = PartialBackprop(model, optimizer, named, start_epoch=0)
    images = torch.randn(2, inputs, *[3] * (model[0].weight.dim() - 2))
    before = model(images).detach()
    pb.begin_epoch(0)
    model(images).square().sum().backward()
    optimizer.step()
    changed = (model(images).detach() != before).transpose(0, 1).flatten(1).any(1)
    if criterion == "filters":
        assert torch.equal(changed, pb.mask["0.bias"])
        assert int(changed.sum()) == outputs // 2
    assert pb.mask["0.weight"].sum() == model[0].weight.numel() / 2


def test_a_bias_without_an_axis_stays_active():
    found = {"weight": torch.randn(3, 5), "bias": torch.tensor(0.1)}
    assert bool(filters.mask(found, q=1.0)["bias"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either"),
        ({"q": 0.5, "like": {"name": "quantile", "q": 0.5}}, "give either q"),
        ({"q": 1.5}, "q is a share from 0 to 1, got 1.5"),
        ({"q": 0.5, "scope": "block"}, "'block'.*network"),
        (
            {"like": {"name": "quantile", "q": 0.5, "scope": "layer"}},
            "'quantile'.*threshold",
        ),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        filters.mask(gradients(), **options)


def test_wrong_gradients_and_names_are_refused():
    with pytest.raises(ValueError, match="filters"):
        filters.mask({"bias": torch.ones(3)}, q=0.5)
    with pytest.raises(ValueError, match=r"NaN.*infinite"):
        filters.mask({"weight": torch.full((2, 2), torch.nan)}, q=0.5)
    with pytest.raises(UserError, match=r"'fixt'.*freezing"):
        filters.mask(gradients(), like={"name": "fixt"})
