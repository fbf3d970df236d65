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
        (None, 1, 1, 5),  # features that were last stay last
        (None, 1, 1, 7),
    ]
    assert found.notes == ()


class LayerNorm2d(nn.LayerNorm):
    """As in ConvNeXt: channels first outside, last inside."""

    def forward(self, maps):
        maps = maps.permute(0, 2, 3, 1)
        maps = nn.functional.layer_norm(maps, self.normalized_shape, self.weight, self.bias)
        return maps.permute(0, 3, 1, 2)


class Permute(nn.Module):
    def __init__(self, *axes):
        super().__init__()
        self.axes = axes

    def forward(self, maps):
        return torch.permute(maps, self.axes)


class Residual(nn.Module):
    """Functions between the layers; a map of as many channels as it has rows and columns."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.act = nn.GELU()
        self.last = nn.Linear(8, 5)
        self.drop = nn.Dropout(0.1)

    def forward(self, maps):
        maps = self.conv(maps)
        maps = self.act(torch.nn.functional.relu(maps) + maps)
        maps = self.last(maps.transpose(1, 3).transpose(1, 2))
        return self.drop(maps.movedim(-1, 1).clone())


class Tokens(nn.Module):
    """A picture as a row of patches, and back."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 2, 2)
        self.norm = nn.LayerNorm(6)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.back = nn.ConvTranspose2d(6, 4, 2, 2)

    def forward(self, maps):
        maps = self.patches(maps)
        tokens = self.norm(maps.flatten(2).mT)
        tokens, _ = self.attention(tokens, tokens, tokens)
        return self.back(tokens.transpose(1, 2).reshape(maps.shape))


@pytest.mark.parametrize(
    ("model", "shape", "shapes"),
    [
        (
            nn.Sequential(
                nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(2), nn.Dropout(),
            ),
            (2, 8),
            [(6, 4), (6, 4), (6, 4), (3, 4), (3, 4)],
        ),
        (
            nn.Sequential(nn.Conv2d(3, 8, 3), LayerNorm2d(8), nn.GELU(), nn.AdaptiveAvgPool2d(2)),
            (3, 10, 12),
            [(8, 10, 8), (8, 10, 8), (8, 10, 8), (2, 2, 8)],
        ),
        (
            nn.Sequential(
                nn.Conv2d(3, 8, 1), Permute(0, 2, 3, 1), nn.LayerNorm(8), nn.Linear(8, 2),
                Permute(0, 3, 1, 2), nn.Tanh(), nn.Conv2d(2, 1, 1),
            ),
            (3, 4, 5),
            [(4, 5, 8)] * 3 + [(4, 5, 2)] * 3 + [(4, 5, 1)],
        ),
        (Residual(), (3, 8, 8), [(8, 8, 8), (8, 8, 8), (8, 8, 5), (8, 8, 5)]),
        (Tokens(), (3, 8, 6), [(4, 3, 6), (12, 6), (12, 6), (8, 6, 4)]),
        (nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Softmax(-1)), (7, 6), [(7, 4)] * 2),
        (
            nn.Sequential(nn.Conv3d(1, 2, 1), nn.InstanceNorm3d(2), nn.Upsample(scale_factor=2)),
            (1, 2, 3, 4),
            [(2, 3, 4, 2), (2, 3, 4, 2), (4, 6, 8, 2)],
        ),
    ],
)  # fmt: skip
def test_channels_are_followed_through_the_network(model, shape, shapes):
    found = summarize(model, shape)
    assert [layer.output_shape[1:] for layer in found.layers] == shapes
    assert not any("order" in note for note in found.notes)


def test_where_nothing_tells_the_channels_the_order_is_torchs():
    model = nn.Sequential(
        nn.Linear(6, 24), nn.Unflatten(1, (2, 3, 4)), nn.ReLU(), nn.Conv2d(2, 5, 1)
    )
    found = summarize(model, (6,))
    assert [layer.output_shape for layer in found.layers[1:]] == [
        (None, 2, 3, 4),
        (None, 2, 3, 4),
        (None, 3, 4, 5),
    ]
    assert [note for note in found.notes if "torch's order" in note and "unflatten, re_lu" in note]


def test_recurrent_layers_and_attention_show_their_output():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(10, 6)
            self.lstm = nn.LSTM(6, 4, batch_first=True, bidirectional=True)
            self.cell = nn.LSTMCell(8, 3)

        def forward(self, words, scale):
            states, _ = self.lstm(self.words(words) * scale)
            return self.cell(states[:, -1])[0]

    found = summarize(Net(), (7,), (1, 6), dtypes=(torch.int64,))
    assert [layer.output_shape for layer in found.layers] == [
        (None, 7, 6),
        (None, 7, 8),
        (None, 3),
    ]
    assert found.layers[1].n_entries == 2 * (16 * 6 + 16 * 4 + 32)


def test_a_list_of_parameters_is_a_part_of_what_uses_it():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ParameterList([torch.ones(3), torch.ones(3)])
            self.more = nn.ParameterDict({"a": torch.ones(3)})

        def forward(self, values):
            return values * sum(self.parts) + self.more["a"]

    found = summarize(nn.Sequential(Sum(), nn.Linear(3, 2)), (3,))
    assert [(layer.name, layer.n_entries) for layer in found.layers] == [("sum", 9), ("dense", 8)]
    assert found.notes == ()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_refused():
    scripted = torch.jit.script(nn.Linear(3, 4))
    with pytest.raises(UserError, match="the network is TorchScript"):
        summarize(scripted, (3,))
    with pytest.raises(UserError, match="1 is TorchScript"):
        summarize(nn.Sequential(nn.ReLU(), scripted), (3,))


def test_a_compiled_network_is_the_one_that_was_compiled():
    model = nn.Sequential(nn.Linear(3, 2))
    assert summarize(torch.compile(model), (3,)) == summarize(model, (3,))


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
        self.pair = Pair()
        self.recurrent = nn.GRU(3, 3)

    def forward(self, values):
        values = self.twice(self.twice(values)) * self.scale
        values = self.pair(self.tied(values))[0]
        return self.recurrent(values[None])[0].sum()


class Pair(nn.Module):
    def forward(self, values):
        return values, -values


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
        "No single tensor comes out of pair.",
    )
    assert found.n_total == entries(model)
    dense, tied, pair, gru = found.layers
    assert [weight.index for weight in tied.weights] == [dense.weights[0].index, 2]
    assert pair.output_shape is None
    assert gru.output_shape == (None, 1, 3)


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
        (nn.Linear(3, 2), (4,), r"4\).*--image-shape"),
        (nn.Bilinear(3, 3, 2), (3,), "positional"),
        (nn.LazyLinear(2), (3,), "without"),
    ],
)
def test_what_cannot_be_traced_is_told_in_one_line(model, shape, said):
    with pytest.raises(UserError, match=said) as caught:
        summarize(model, shape)
    assert "\n" not in str(caught.value)
    assert not model._forward_hooks
