"""The automatic criterion: threshold and mask agree, and it keeps its budget."""

import pytest
import torch

from partial_backprop import registry
from partial_backprop.freezing import otsu_kde
from partial_backprop.freezing.otsu import otsu_kde as find
from partial_backprop.freezing.thresholds import magnitudes


def gradients() -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return {
        "conv.weight": torch.randn(64, 32, 3, 3, generator=draw) * 1e-4,
        "fc.weight": torch.randn(100, 64, generator=draw) * 1e-3,
        "fc.bias": torch.zeros(100),
    }


@pytest.mark.parametrize(
    ("side", "frozen"),
    [
        ("at_or_below", lambda size, t: size <= t),
        ("below", lambda size, t: size < t),
        ("above", lambda size, t: size > t),
    ],
)
def test_the_mask_is_the_threshold_applied(side, frozen):
    mask = otsu_kde.mask(gradients(), frozen=side)
    threshold = find(magnitudes(gradients())).threshold
    assert mask.threshold == threshold
    for name, gradient in gradients().items():
        assert torch.equal(~mask[name], frozen(gradient.abs(), threshold))
    assert 0 < mask.n_frozen() < mask.n_weights()


def test_options_reach_the_threshold():
    changes = [{"n_bins": 3}, {"mass": 0.5}, {"likely": "peak"}, {"reflect": False}]
    plain = otsu_kde.mask(gradients()).threshold
    for change in changes:
        assert otsu_kde.mask(gradients(), **change).threshold != plain


def test_criterion_and_threshold_have_the_same_options_and_defaults():
    options = registry.resolve("freezing", {"name": "otsu_kde"})
    options.pop("name")
    assert {key: find.__kwdefaults__[key] for key in options} == options


def test_bad_gradients_are_refused():
    with pytest.raises(ValueError, match="there are no gradients"):
        otsu_kde.mask({})
    with pytest.raises(ValueError, match="no non-zero gradient"):
        otsu_kde.mask({"w": torch.zeros(5)})
    with pytest.raises(ValueError, match="NaN or infinite"):
        otsu_kde.mask({"w": torch.tensor([1.0, float("nan")])})
