"""Names, shapes and counts of sparse_homework's network, and its function written out plainly."""

import pytest
import torch
import torch.nn.functional as F

from partial_backprop.networks import resnet20

BATCH_NORM = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return resnet20.build((3, 32, 32), 10)


def convolutions():
    """Name of each convolution, sparse_homework's lines 204 to 222, to its channels and kernel; and
    ``id_mapping``, which the source quantizes but lists nowhere (see ``Lab 3``)."""
    found = {"head_conv.0": (16, 3, 3)}
    n_in = 16
    for block in range(9):
        n_out = 16 * 2 ** (block // 3)
        found[f"body_op.{block}.conv1.0"] = (n_out, n_in, 3)
        found[f"body_op.{block}.conv2.0"] = (n_out, n_out, 3)
        if n_in != n_out:
            found[f"body_op.{block}.id_mapping.0"] = (n_out, n_in, 1)
        n_in = n_out
    return found


def test_names_and_shapes(model):
    expected = {}
    for name, (n_out, n_in, side) in convolutions().items():
        expected[f"{name}.conv.weight"] = (n_out, n_in, side, side)
        for field in BATCH_NORM:
            shape = () if field == "num_batches_tracked" else (n_out,)
            expected[f"{name.removesuffix('.0')}.1.{field}"] = shape
    expected |= {"final_fc.linear.weight": (10, 64), "final_fc.linear.bias": (10,)}
    assert {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()} == expected


def test_order_of_the_layers(model):
    """What the first and the last layer are depends on it."""
    names = [name.removesuffix(".conv.weight") for name in model.state_dict() if ".conv." in name]
    assert names == list(convolutions())
    assert list(model.state_dict())[-1] == "final_fc.linear.bias"


def test_numbers_of_parameters(model):
    """By hand: 268,336 = 9·(3·16 + 6·16² + 16·32 + 5·32² + 32·64 + 5·64²) + 640; 2,560 = 16·32 +
    32·64; then gains and biases of batch normalisation, 2·(7·16 + 7·32 + 7·64), and 10 biases."""
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    assert 9 * (3 * 16 + 6 * 16**2 + 16 * 32 + 5 * 32**2 + 32 * 64 + 5 * 64**2) + 640 == 268_336
    assert sum(sizes.values()) == 268_336 + 2_560 + 2 * (7 * 16 + 7 * 32 + 7 * 64) + 10 == 272_474
    assert sum(n for name, n in sizes.items() if "id_mapping.0" in name) == 2_560


def test_the_function_written_out():
    """From the ``state_dict`` alone, with batch statistics of evaluation."""
    torch.manual_seed(0)
    model = resnet20.build((3, 32, 32), 10).double()
    images = torch.randn(4, 3, 32, 32, dtype=torch.float64)
    for _ in range(3):
        model(images)  # running statistics that are not those of a fresh network
    model.eval()
    state = model.state_dict()

    def conv_bn(name, features, stride):
        weight = state[f"{name}.0.conv.weight"]
        out = F.conv2d(features, weight, stride=stride, padding=weight.shape[-1] // 2)
        mean, var = state[f"{name}.1.running_mean"], state[f"{name}.1.running_var"]
        out = (out - mean[:, None, None]) / torch.sqrt(var[:, None, None] + 1e-5)
        weight, bias = state[f"{name}.1.weight"], state[f"{name}.1.bias"]
        return out * weight[:, None, None] + bias[:, None, None]

    features = F.relu(conv_bn("head_conv", images, 1))
    for block in range(9):
        name, stride = f"body_op.{block}", 2 if block in (3, 6) else 1
        residual = F.relu(conv_bn(f"{name}.conv1", features, stride))
        residual = conv_bn(f"{name}.conv2", residual, 1)
        if stride == 2:
            features = conv_bn(f"{name}.id_mapping", features, stride)
        features = F.relu(features + residual)
    assert features.shape == (4, 64, 8, 8)
    logits = features.mean((2, 3)) @ state["final_fc.linear.weight"].T
    torch.testing.assert_close(model(images), logits + state["final_fc.linear.bias"])


def test_a_transform_stands_between_each_weight_and_its_use(model):
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    model.eval()
    wrappers = [m for m in model.modules() if isinstance(m, resnet20.Conv | resnet20.Linear)]
    assert len(wrappers) == 22
    with torch.no_grad():
        plain = model(images)
        for wrapper in wrappers:
            wrapper.weight_transform = torch.clone
            assert torch.equal(model(images), plain)
            wrapper.weight_transform = lambda weight: 1.5 * weight
            assert not torch.equal(model(images), plain)
            wrapper.weight_transform = None
        assert torch.equal(model(images), plain)


def test_other_sizes():
    small = resnet20.build((1, 8, 12), 7, width=0.25)
    assert small(torch.randn(2, 1, 8, 12)).shape == (2, 7)
    assert small.final_fc.linear.in_features == 16
    with pytest.raises(ValueError, match="width"):
        resnet20.build((3, 32, 32), 10, width=0)
    with pytest.raises(ValueError, match="multiples"):
        resnet20.build((3, 30, 32), 10)
