"""The opposite of the method freezes as many in each layer: the largest gradients."""

import pytest
import torch

from partial_backprop import UserError
from partial_backprop.freezing import fixed, largest

LIKE = {"name": "fixed", "threshold": 0.5, "learning_rate": 1.0}


def gradients():
    draw = torch.Generator().manual_seed(0)
    return {
        "wide": torch.randn(40, 25, generator=draw).to(memory_format=torch.contiguous_format),
        "narrow": torch.randn(7, generator=draw) * 10,
        "small": torch.randn(30, generator=draw) * 0.01,
    }


def test_each_layer_freezes_as_many_as_the_base_and_the_largest():
    base = fixed.mask(gradients(), threshold=0.5, learning_rate=1.0)
    mask = largest.mask(gradients(), like=LIKE)
    assert 0 < mask.n_frozen() < mask.n_weights()
    for name, gradient in gradients().items():
        assert int(mask[name].sum()) == int(base[name].sum())
        frozen, active = gradient.abs()[~mask[name]], gradient.abs()[mask[name]]
        if len(frozen) and len(active):
            assert frozen.min() >= active.max()
    assert mask.threshold is None


def test_of_equal_magnitudes_the_first_freeze():
    like = {"name": "quantile", "q": 0.5}
    mask = largest.mask({"w": torch.tensor([1.0, -1.0, 1.0, -1.0])}, like=like)
    assert mask["w"].tolist() == [False, False, True, True]


def test_channels_last_gradients_are_ranked_entry_by_entry():
    plain = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    like = {"name": "quantile", "q": 0.3}
    masks = [
        largest.mask({"w": one}, like=like)["w"]
        for one in (plain, plain.to(memory_format=torch.channels_last))
    ]
    assert torch.equal(*masks)


def test_an_unknown_base_is_told():
    with pytest.raises(UserError, match="freezing"):
        largest.mask(gradients(), like={"name": "fixt"})
