"""Which tensors are weights, and which the source prunes."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from partial_backprop.errors import UserError
from partial_backprop.networks import resnet20
from partial_backprop.pruning.layers import prunable, weights
from partial_backprop.pruning.polynomial import PolynomialSchedule
from partial_backprop.pruning.pruner import Pruner
from partial_backprop.pruning.stepwise import StepwisePruner


@pytest.fixture(scope="module")
def model():
    return resnet20.build((3, 32, 32), 10)


def test_the_sources_twenty_layers_in_order(model):
    """sparse_homework, lines 204 to 223, prints these names in this order."""
    blocks = [f"body_op.{block}.conv{which}.0.conv" for block in range(9) for which in (1, 2)]
    assert list(prunable(model)) == ["head_conv.0.conv", *blocks, "final_fc.linear"]


def test_the_numbers_of_weights(model):
    """268,336: the only total of these layers' shapes of which 0.8000007453342078 is a share."""
    n_prunable = sum(weight.numel() for weight in prunable(model).values())
    n_all = sum(weight.numel() for weight in weights(model).values())
    assert (n_prunable, n_all - n_prunable) == (268_336, 2_560)
    assert 214_669 / n_prunable == 0.8000007453342078  # sparse_homework, line 294


def test_id_mapping_is_a_weight_in_its_place(model):
    names = list(weights(model))
    assert [name for name in names if name not in prunable(model)] == [
        "body_op.3.id_mapping.0.conv",
        "body_op.6.id_mapping.0.conv",
    ]
    assert names.index("body_op.3.id_mapping.0.conv") == names.index("body_op.3.conv2.0.conv") + 1


def test_they_are_the_networks_own_tensors(model):
    assert all(
        weight is model.get_submodule(name).weight for name, weight in weights(model).items()
    )


def test_any_network_has_weights():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    assert list(weights(model)) == list(prunable(model)) == ["0", "3"]
    assert list(weights(nn.Linear(2, 2))) == [""]


LAYERS = {
    "Conv1d": (lambda: nn.Conv1d(4, 4, 3), (2, 4, 9), ["0"]),
    "Conv3d": (lambda: nn.Conv3d(4, 4, 3), (2, 4, 5, 5, 5), ["0"]),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(4, 4, 3), (2, 4, 9), ["0"]),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 4, 3, groups=2), (2, 4, 5, 5), ["0"]),
    "ConvTranspose3d": (lambda: nn.ConvTranspose3d(4, 4, 3), (2, 4, 5, 5, 5), ["0"]),
    "Linear": (lambda: nn.Linear(4, 4), (2, 4), ["0"]),
    "LSTM": (
        lambda: nn.LSTM(4, 8, num_layers=2, proj_size=3),
        (2, 5, 4),
        [f"0.weight_{kind}_l{layer}" for layer in (0, 1) for kind in ("ih", "hh", "hr")],
    ),
    "GRUCell": (lambda: nn.GRUCell(4, 8), (2, 4), ["0.weight_ih", "0.weight_hh"]),
}
"""Layer -> how it is made, shape of an input, and names of its weights."""


@pytest.mark.parametrize("kind", LAYERS)
def test_layers_of_every_kind_are_pruned_and_stay_so(kind):
    torch.manual_seed(0)
    make, shape, names = LAYERS[kind]
    model = nn.Sequential(make())
    found = prunable(model)
    assert list(found) == names
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    pruner = Pruner(found, share=0.8)
    pruner.begin_epoch(0)
    for _ in range(3):
        optimizer.zero_grad()
        output = model(torch.randn(shape))
        output = output[0] if isinstance(output, tuple) else output
        output.square().mean().backward()
        optimizer.step()
        pruner.after_step()
    own = dict(model.named_parameters())
    for name, weight in found.items():
        assert weight is own.get(name, own.get(f"{name}.weight"))
        assert float((weight == 0).float().mean()) == pytest.approx(0.8, abs=1 / weight.numel())


@pytest.mark.parametrize("options", [{}, {"kdim": 3, "vdim": 5}])
def test_all_projections_of_an_attention_are_weights(options):
    attention = nn.MultiheadAttention(4, 2, **options)
    sizes = [weight.numel() for weight in weights(attention).values()]
    assert sum(sizes) == sum(one.numel() for one in attention.parameters() if one.ndim > 1)


WRAPPERS = {
    "parametrizations.weight_norm": parametrizations.weight_norm,
    "parametrizations.spectral_norm": parametrizations.spectral_norm,
    "parametrizations.orthogonal": parametrizations.orthogonal,
    "utils.weight_norm": nn.utils.weight_norm,
    "utils.spectral_norm": nn.utils.spectral_norm,
    "utils.prune": lambda layer: prune.random_unstructured(layer, "weight", 0.1),
}


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:.*deprecated")
@pytest.mark.parametrize("name", WRAPPERS)
def test_weights_that_are_computed_are_refused(name):
    model = nn.Sequential(nn.Linear(4, 4), WRAPPERS[name](nn.Linear(4, 4)))
    with pytest.raises(UserError, match=r"1\.weight"):
        prunable(model)
    with pytest.raises(UserError, match="computed"):
        Pruner({"1": model[1].weight}, share=0.5)
    with pytest.raises(UserError, match="computed"):
        StepwisePruner({"1": model[1].weight}, PolynomialSchedule(2))


def test_what_the_refusal_says_helps():
    layer = parametrizations.weight_norm(nn.Linear(4, 4))
    parametrize.remove_parametrizations(layer, "weight")
    assert weights(layer)[""] is layer.weight


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:.*deprecated")
def test_a_recurrent_layer_with_a_computed_weight_is_refused():
    with pytest.raises(UserError, match="weight_hh_l0"):
        weights(nn.utils.weight_norm(nn.LSTM(4, 4), "weight_hh_l0"))


def test_what_is_left_out_is_told():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(torch.ones(2, 2))
            self.layer = nn.Linear(2, 2)
            self.norm = nn.LayerNorm((2, 2))

    with pytest.warns(UserWarning, match="table"):
        assert list(weights(Own())) == ["layer"]
    with pytest.warns(UserWarning, match="weight"):
        assert not weights(nn.Embedding(3, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weights(resnet20.build((3, 32, 32), 10))


def test_tied_weights_stand_once():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    assert list(weights(model)) == ["0"]
