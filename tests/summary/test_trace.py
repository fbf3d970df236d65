"""Any network is summarised, left as it was, and what has no row is said."""

import pytest
import torch
from torch import nn

from partial_backprop import registry
from partial_backprop.errors import UserError
from partial_backprop.summary.keras import summarize

SMALL = {
    "lenet5": {"width": 0.5},
    "vgg19": {"width": 0.0625},
    "resnet110": {"depth": 8, "width": 0.5},
    "densenet121": {"growth": 4, "blocks": (1, 2, 1, 1)},
}


def build(name):
    torch.manual_seed(0)
    return registry.load("networks", name)((3, 32, 32), 10, **SMALL.get(name, {}))


def entries(model):
    """Entries of all parameters and running statistics, counted without the package."""
    state = model.state_dict(keep_vars=True)
    unique = {id(tensor): tensor for name, tensor in state.items() if "num_batches" not in name}
    return sum(tensor.numel() for tensor in unique.values())


@pytest.mark.parametrize("name", registry.names("networks"))
def test_every_network_of_ours_is_shown_whole(name):
    model = build(name)
    found = summarize(model, (3, 32, 32))
    assert found.n_trainable == sum(one.numel() for one in model.parameters())
    assert found.n_total == entries(model)
    assert sum(layer.n_entries for layer in found.layers) == found.n_total
    indices = [weight.index for layer in found.layers for weight in layer.weights]
    assert indices == list(range(len(indices)))
    names = [layer.name for layer in found.layers]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", registry.names("networks"))
@pytest.mark.parametrize("training", [True, False])
def test_a_network_is_left_as_it_was(name, training):
    model = build(name).train(training)
    model.get_submodule(next(key for key, _ in model.named_children())).eval()
    modes = [module.training for module in model.modules()]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    random = torch.get_rng_state()
    summarize(model, (3, 32, 32))
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(parameter.grad is None for parameter in model.parameters())
    hooks = [
        hook
        for module in model.modules()
        for hook in (*module._forward_hooks, *module._forward_pre_hooks)
    ]
    assert not hooks


def test_buffers_that_count_calls_are_set_back():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("n_calls", torch.zeros(()))
            self.noise = nn.Linear(3, 3)

        def forward(self, values):
            self.n_calls = self.n_calls + 1
            return self.noise(values + torch.rand(3))

    model = Counting()
    random = torch.get_rng_state()
    summarize(model, (3,))
    assert model.n_calls == 0
    assert torch.equal(torch.get_rng_state(), random)


def test_shapes_are_keras_own_of_any_rank():
    model = nn.Sequential(
        nn.Conv1d(2, 4, 3),
        nn.Flatten(),
        nn.Linear(24, 5),
        nn.Unflatten(1, (1, 1, 5)),
        nn.Linear(5, 7),
    )
    found = summarize(model, (2, 8))
    assert [layer.output_shape for layer in found.layers] == [
        (None, 6, 4),  # channels last
        (None, 24),
        (None, 5),
        (None, 1, 5, 1),
        (None, 1, 1, 7),  # a dense layer's features are last already
    ]


def test_activation_behind_a_layer_is_a_part_of_it_and_elsewhere_a_row():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 1), nn.ReLU(inplace=True), nn.BatchNorm2d(2), nn.ReLU(), nn.LeakyReLU()
    )
    found = summarize(model, (1, 4, 4))
    assert [layer.name for layer in found.layers] == [
        "conv2d",
        "batch_normalization",
        "re_lu",
        "leaky_re_lu",
    ]
    assert [layer.activation for layer in found.layers] == ["ReLU", None, None, None]
    assert found.notes == ()


def test_what_keras_does_not_know_has_its_own_name():
    class Swap(nn.Module):
        def forward(self, values):
            return values.flip(1)

    found = summarize(nn.Sequential(Swap(), nn.Linear(3, 2)), (3,))
    assert [(layer.name, layer.type, layer.n_entries) for layer in found.layers] == [
        ("swap", "Swap", 0),
        ("dense", "Dense", 8),
    ]


class Odd(nn.Module):
    """Everything that a row cannot show."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.twice = nn.Linear(3, 3)
        self.tied = nn.Linear(3, 3)
        self.tied.weight = self.twice.weight
        self.unused = nn.Linear(5, 5)
        self.recurrent = nn.GRU(3, 3)

    def forward(self, values):
        values = self.twice(self.twice(values)) * self.scale
        return self.recurrent(self.tied(values)[None])[0].sum()


def test_what_has_no_row_is_said():
    model = Odd()
    found = summarize(model, (3,))
    assert found.notes == (
        "Functions that the network calls outside its layers have no row: before dense_1, gru, and "
        "at the output.",
        "Called more than once, and counted once: dense 2 times.",
        "Shared weights are counted once in the totals: dense_1 has the kernel of dense.",
        "Never called with this input, and without a row: unused; their 30 weights are in the "
        "totals.",
        "Outside any layer, without a row or an index, but in the totals: scale (3).",
        "No single tensor comes out of gru.",
    )
    assert found.n_total == entries(model)
    dense, tied, gru = found.layers
    assert [weight.index for weight in tied.weights] == [dense.weights[0].index, 2]
    assert gru.output_shape is None


def test_a_frozen_weight_is_not_trainable():
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    model[0].weight.requires_grad_(False)
    found = summarize(model, (3,))
    assert (found.n_trainable, found.n_non_trainable) == (2 + 4 + 2, 6)
    assert [weight.trainable for weight in found.weights()] == [False, True, True, True]


def test_layers_that_compute_with_the_weights_of_others():
    """Attention never calls its inner layer; a parametrized layer calls what makes its weight."""
    attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    found = summarize(attention, (5, 8))
    assert found.layers[0].type == "MultiHeadAttention"
    assert found.layers[0].n_entries == 4 * 64 + 4 * 8
    assert found.n_total == entries(attention)
    assert sum(layer.n_entries for layer in found.layers) == found.n_total
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)))
    (row,) = summarize(normed, (3,)).layers
    assert (row.type, row.n_entries) == ("Dense", 2 + 2 + 6)


@pytest.mark.parametrize(
    ("model", "shape", "said"),
    [
        (nn.Linear(3, 2), (4,), r"does not run on zeros of shape \(1, 4\).*--image-shape"),
        (nn.Bilinear(3, 3, 2), (3,), "missing 1 required positional argument"),
        (nn.LazyLinear(2), (3,), "lazy layers without weights: run it once"),
    ],
)
def test_what_cannot_be_traced_is_told_in_one_line(model, shape, said):
    with pytest.raises(UserError, match=said) as caught:
        summarize(model, shape)
    assert "\n" not in str(caught.value)
    assert not model._forward_hooks
