"""Our batch normalisation has torch's values, gradients and running statistics."""

import copy

import pytest
import torch
from torch import nn

from partial_backprop.layers import kernels
from partial_backprop.layers.normalisation import BatchNorm2d


def module(c, rectify, **options):
    torch.manual_seed(c)
    norm = BatchNorm2d(c, rectify=rectify, **options)
    nn.init.uniform_(norm.weight, -2, 2)
    nn.init.normal_(norm.bias)
    return norm


def maps(n, c, side, count):
    shape = (n, c, side, side)
    found = [
        torch.randn(shape) * 3 + 50 for _ in range(count)
    ]  # far from zero: digits would be lost
    return [one.contiguous(memory_format=torch.channels_last).requires_grad_() for one in found]


def plain(norm, features, addend):
    """The same in torch's own modules and double precision."""
    exact = nn.BatchNorm2d(norm.num_features, eps=norm.eps, momentum=norm.momentum).double()
    exact.load_state_dict(norm.state_dict())
    exact.train(norm.training)
    outputs = exact(features) if addend is None else exact(features) + addend
    return (torch.relu(outputs) if norm.rectify else outputs), exact


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("added", [True, False])
@pytest.mark.parametrize("rectify", [True, False])
@pytest.mark.parametrize(
    ("n", "c", "side"), [(2, 1, 2), (3, 12, 8), (2, 300, 2), (7, 16, 9), (2, 257, 3)]
)
def test_values_gradients_and_statistics_are_those_of_double_precision(
    n, c, side, rectify, added, training
):
    norm = module(c, rectify).train(training)
    inputs = maps(n, c, side, 1 + added)
    double = [one.detach().double().requires_grad_() for one in inputs]
    exact, reference = plain(norm, double[0], double[1] if added else None)
    found = norm(*inputs)
    gradient = torch.randn(found.shape)
    pairs = [(found, exact)]
    pairs += zip(
        torch.autograd.grad(found, [*inputs, norm.weight, norm.bias], gradient),
        torch.autograd.grad(exact, [*double, reference.weight, reference.bias], gradient.double()),
        strict=True,
    )
    pairs += zip(norm.buffers(), reference.buffers(), strict=True)
    for ours, theirs in pairs:
        ours, theirs = ours.detach(), theirs.detach()
        torch.testing.assert_close(
            ours.double(), theirs.double(), rtol=2e-5, atol=2e-5 * float(theirs.abs().max())
        )


@pytest.mark.parametrize("added", [True, False])
@pytest.mark.parametrize("rectify", [True, False])
@pytest.mark.parametrize(
    ("n", "c", "side"), [(3, 24, 8), (3, 20, 5), (4, 33, 7), (9, 300, 3), (5, 16, 3)]
)
def test_bfloat16_is_rounded_once(n, c, side, rectify, added):
    norm = module(c, rectify)
    given = maps(n, c, side, 1 + added)
    inputs = [one.detach().sub(50).bfloat16().requires_grad_() for one in given]
    double = [one.detach().double().requires_grad_() for one in inputs]
    exact, reference = plain(norm, double[0], double[1] if added else None)
    found = norm(*inputs)
    assert found.dtype == torch.bfloat16
    gradient = torch.randn(found.shape).bfloat16()
    ours = [found, *torch.autograd.grad(found, [*inputs, norm.weight, norm.bias], gradient)]
    weights = [reference.weight, reference.bias]
    theirs = [exact, *torch.autograd.grad(exact, [*double, *weights], gradient.double())]
    for one, other in zip(ours, theirs, strict=True):
        one, other = one.detach().double(), other.detach()
        # Half a unit in the last of bfloat16's 8 digits; a rectified value may round to 0 and back.
        close = (one - other).abs() <= 2**-8 * other.abs() + 2**-9 * other.abs().max()
        assert close.double().mean() > 0.999


@pytest.mark.parametrize("c", [24, 20])
def test_the_sum_of_both_gradients_is_right_in_bfloat16(c):
    norm = module(c, True)
    (features,) = maps(3, c, 5, 1)
    features = features.detach().sub(50).bfloat16().requires_grad_()
    wide = torch.randn(2, 3, c + 4, 5, 5).bfloat16()
    first, second = (one.contiguous(memory_format=torch.channels_last)[:, 4:] for one in wide)
    together = torch.autograd.grad(norm.beside(features), features, (first, second))[0]
    alone = torch.autograd.grad(norm(features), features, first)[0]
    difference = (together.float() - alone.float() - second.float()).abs()
    assert float(difference.max()) < 2**-6 * float(together.abs().max())


def test_the_input_may_be_used_twice():
    norm, other = module(24, True), nn.Conv2d(24, 8, 1)
    (features,) = maps(3, 24, 8, 1)

    def gradients():
        outputs, same = copy.deepcopy(norm).beside(features)
        joined = torch.cat([other(outputs), same], 1)
        return torch.autograd.grad(joined.square().sum(), features)[0]

    def apart():
        outputs = torch.relu(
            nn.functional.batch_norm(features, None, None, norm.weight, norm.bias, True)
        )
        return torch.autograd.grad(
            torch.cat([other(outputs), features], 1).square().sum(), features
        )[0]

    torch.testing.assert_close(gradients(), apart(), rtol=1e-4, atol=1e-3)


def test_a_nan_is_not_rectified_away():
    norm = module(4, True)
    (features,) = maps(2, 4, 4, 1)
    with torch.no_grad():
        features[0, 2, 1, 1] = float("nan")
    assert norm(features)[:, 2].isnan().all()
    assert norm(features)[:, [0, 1, 3]].isfinite().all()


@pytest.mark.parametrize("change", ["double", "order", "half", "three dimensions"])
def test_what_the_kernel_does_not_take_torch_computes(change):
    norm = module(4, True)
    (features,) = maps(2, 4, 4, 1)
    if change == "double":
        norm, features = norm.double(), features.double()
    elif change == "order":
        features = features.contiguous()
    elif change == "half":
        features = features.half()
    else:
        with pytest.raises(ValueError, match="4D"):
            norm(features[0])
        return
    assert norm(features).dtype == features.dtype


def test_a_single_value_per_channel_is_refused_in_training_as_by_torch():
    with pytest.raises(ValueError, match="more than 1 value"):
        module(4, True)(torch.randn(1, 4, 1, 1).contiguous(memory_format=torch.channels_last))


def test_the_state_is_that_of_torchs_module_with_and_without_a_compiler(monkeypatch):
    norm = module(8, False)
    twin = nn.BatchNorm2d(8)
    twin.load_state_dict(norm.state_dict())
    (features,) = maps(4, 8, 4, 1)
    monkeypatch.setattr(kernels, "library", lambda: None)
    assert torch.equal(norm(features), twin(features))
    assert torch.equal(norm.running_mean, twin.running_mean)


@pytest.mark.parametrize("side", [1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_other_use_s_gradient_is_added_in_whatever_order_it_lies(side, layout):
    norm = module(24, True)
    features = (
        torch.randn(5, 24, side, side)
        .contiguous(memory_format=torch.channels_last)
        .requires_grad_()
    )
    outputs, same = norm.beside(features)
    other = torch.randn(5, 24, side, side).contiguous(memory_format=layout)
    found = torch.autograd.grad([outputs, same], features, [torch.zeros_like(outputs), other])[0]
    torch.testing.assert_close(found, other)


@pytest.mark.parametrize("name", ["weight", "bias", "running_mean", "running_var"])
def test_vectors_of_another_type_are_torch_s_to_refuse(name):
    norm, plain = BatchNorm2d(8), nn.BatchNorm2d(8)
    (features,) = maps(4, 8, 2, 1)
    outcomes = []
    for one in (norm, plain):
        if name in dict(one.named_parameters()):
            setattr(one, name, nn.Parameter(getattr(one, name).double()))
        else:
            setattr(one, name, getattr(one, name).double())
        try:
            outcomes.append(one(features).detach())
        except RuntimeError:
            outcomes.append(None)
    ours, torchs = outcomes
    assert (ours is None) == (torchs is None)
    if ours is not None:
        torch.testing.assert_close(ours, torchs)


def test_a_vector_with_gaps_is_torch_s_to_read():
    norm = BatchNorm2d(8, rectify=True)
    norm.running_mean = torch.arange(16.0)[::2]
    (features,) = maps(4, 8, 2, 1)
    found = norm.eval()(features)
    expected = torch.relu((features - norm.running_mean.view(1, -1, 1, 1)) / (1 + norm.eps) ** 0.5)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
