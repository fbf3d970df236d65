"""Needless gradients are not computed; those of active filters are the same."""

import copy
import functools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from partial_backprop import PartialBackprop, registry
from partial_backprop.freezing import filters
from partial_backprop.freezing.skip import (
    SKIPPING,
    SkippedFilters,
    _Skipping,
    _SkippingLinear,
    _SkippingTorchConv2d,
)
from partial_backprop.freezing.strict import bits
from partial_backprop.layers.convolution import Conv2d

HALF = functools.partial(filters.mask, q=0.5)
PER_LAYER = functools.partial(filters.mask, q=0.5, scope="layer")


class Network(nn.Module):
    """Every kind of layer that may be skipped, and some that may not."""

    def __init__(self, bias: bool = True):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=bias),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 6, 3, stride=2, dilation=(1, 2), bias=bias),
            nn.ReLU(),
            nn.Conv2d(6, 6, 3, groups=2, padding=1, bias=bias),
            nn.Conv2d(6, 6, 3, padding="same", bias=bias),
        )
        self.hidden = nn.Linear(6, 10, bias=bias)
        self.head = nn.Linear(10, 4, bias=bias)

    def forward(self, images):
        places = self.features(images).permute(0, 2, 3, 1)
        return self.head(F.relu(self.hidden(places)).mean((1, 2)))


def made(seed: int = 0, layout=torch.channels_last, **options) -> Network:
    torch.manual_seed(seed)
    return Network(**options).to(memory_format=layout)


def batch(seed: int = 0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(5, 3, 10, 11, generator=draw), torch.tensor([0, 1, 2, 3, 0])


def backward(model, images, labels) -> dict[str, torch.Tensor]:
    model.zero_grad()
    F.cross_entropy(model(images), labels).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_active_filters_have_the_gradients_of_the_whole_layer(bias, layout, dtype):
    model = made(layout=layout, bias=bias).to(dtype)
    images, labels = batch()
    images = images.to(dtype).requires_grad_()
    expected = backward(model, images, labels)
    of_images = images.grad.clone()
    images.grad = None
    mask = PER_LAYER(expected)
    skipped = SkippedFilters(model, mask)
    kinds = {name: type(module) for name, module in model.named_modules()}
    assert [n for n, k in kinds.items() if k is _SkippingTorchConv2d] == [
        "features.0",
        "features.3",
    ]
    assert [n for n, k in kinds.items() if k is _SkippingLinear] == ["hidden", "head"]
    found = backward(model, images, labels)
    assert found.keys() == expected.keys()
    close = functools.partial(torch.testing.assert_close, rtol=1e-4, atol=1e-6)
    close(images.grad, of_images)
    for name, gradient in found.items():
        active = mask[name]
        close(gradient[active], expected[name][active])
        if name in ("features.0.weight", "features.3.weight", "hidden.weight", "head.weight"):
            assert torch.all(gradient[~active] == 0)
            assert gradient.stride() == dict(model.named_parameters())[name].stride()
    skipped.remove()
    assert all(not isinstance(m, _SkippingTorchConv2d | _SkippingLinear) for m in model.modules())
    again = backward(model, images, labels)
    assert all(torch.equal(again[name], expected[name]) for name in expected)


def test_autograd_agrees_with_finite_differences():
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 4, 2, stride=2).double()
    active = torch.tensor([True, False, True, False])
    SkippedFilters(layer, {"weight": active.view(4, 1, 1, 1).expand(layer.weight.shape)})
    images = torch.randn(2, 2, 5, 4, dtype=torch.float64)
    weight = layer.weight.detach().clone()

    def of_active(images, some, bias):
        whole = weight.index_copy(0, active.nonzero().flatten(), some)
        return torch.func.functional_call(layer, {"weight": whole, "bias": bias}, (images,))

    inputs = images, weight[active], layer.bias.detach()
    assert torch.autograd.gradcheck(of_active, [x.clone().requires_grad_() for x in inputs])


def test_early_layers_frozen_whole_are_cut_off():
    model = made()
    gradients = backward(model, *batch())
    early = ("features.0", "features.1", "features.3")
    mask = {
        n: torch.full_like(g, not n.startswith(early), dtype=torch.bool)
        for n, g in gradients.items()
    }
    skipped = SkippedFilters(model, mask)
    images, labels = batch()
    seen = []
    model.features[4].register_forward_hook(lambda *call: seen.append(call[2].requires_grad))
    model.features[5].register_forward_hook(lambda *call: seen.append(call[2].requires_grad))
    found = backward(model, images, labels)
    assert seen == [False, True]
    assert found.keys() == {n for n in gradients if not n.startswith(early)}
    skipped.remove()
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_evaluation_and_single_pictures_work_as_ever():
    model, plain = made(), made()
    images, labels = batch()
    mask = PER_LAYER(backward(made(), images, labels))
    SkippedFilters(model, mask)
    model.eval()
    plain.eval()
    with torch.no_grad():
        assert torch.equal(model(images), plain(images))
    one = images[0]
    assert torch.equal(model.features[0](one), plain.features[0](one))


@pytest.mark.parametrize("bias", [True, False])
def test_under_autocast_too_frozen_filters_are_left_out(bias):
    model, plain = made(bias=bias), made(bias=bias)
    images, labels = batch()
    mask = PER_LAYER(backward(made(bias=bias), images, labels))
    SkippedFilters(model, mask)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model(images), plain(images))
        found, expected = backward(model, images, labels), backward(plain, images, labels)
    for name, gradient in found.items():
        active = mask[name]
        assert gradient.dtype == torch.float32
        size = expected[name].abs().max()
        assert torch.all((gradient[active] - expected[name][active]).abs() <= 0.03 * size)
    for name in ("features.0.weight", "features.3.weight", "hidden.weight", "head.weight"):
        assert torch.all(found[name][~mask[name]] == 0)
        assert expected[name][~mask[name]].abs().max() > 0


def test_a_class_of_its_own_may_bring_what_skips(monkeypatch):
    class Convolution(nn.Conv2d):
        def forward(self, images):
            return 2 * super().forward(images)

    class Skipping(_Skipping, Convolution):
        plain = Convolution

    torch.manual_seed(0)
    model = nn.Sequential(Convolution(3, 4, 3))
    mask = {"0.weight": (torch.arange(4) < 2).view(4, 1, 1, 1).expand(4, 3, 3, 3)}
    SkippedFilters(model, mask).remove()
    assert type(model[0]) is Convolution
    monkeypatch.setitem(SKIPPING, Convolution, Skipping)
    skipped = SkippedFilters(model, mask)
    assert type(model[0]) is Skipping
    assert type(copy.deepcopy(model)[0]) is Convolution
    skipped.remove()
    assert type(model[0]) is Convolution


def test_where_processes_train_together_no_gradient_goes_missing(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    model = made()
    gradients = backward(model, *batch())
    mask = {
        n: torch.full_like(g, n.startswith("head"), dtype=torch.bool) for n, g in gradients.items()
    }
    SkippedFilters(model, mask)
    assert backward(model, *batch()).keys() == gradients.keys()


def test_a_copy_of_the_model_is_a_model_of_its_own():
    model = made()
    SkippedFilters(model, PER_LAYER(backward(model, *batch())))
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.hidden.weight.zero_()
    assert model.state_dict().keys() == made().state_dict().keys()
    assert not torch.equal(model(batch()[0]), other(batch()[0]))


@pytest.mark.parametrize("compact", [False, True])
def test_training_is_that_of_the_mask_alone(compact):
    """With a new mask of all gradients, full epochs at the end, and a stop and resume in between."""
    options = {"start_epoch": 1, "remask_every": 2, "full_epochs_at_end": 1, "epochs": 6}
    options |= {"criterion": HALF, "compact": compact}

    def trained(skip, stops):
        model = made(bias=False)  # a bias before a normalisation has a gradient of rounding alone
        optimizer = torch.optim.Adam(model.parameters(), amsgrad=True, fused=True)
        pb = PartialBackprop(model, optimizer, skip_filters=skip, **options)
        masks = []
        for epoch in range(6):
            if epoch in stops:
                states = copy.deepcopy([part.state_dict() for part in (model, optimizer, pb)])
                model = made(seed=1, bias=False)
                optimizer = torch.optim.Adam(model.parameters(), amsgrad=True, fused=True)
                pb = PartialBackprop(model, optimizer, skip_filters=skip, **options)
                for part, state in zip((model, optimizer, pb), states, strict=True):
                    part.load_state_dict(state)
            pb.begin_epoch(epoch)
            for number in range(3):
                optimizer.zero_grad()
                backward(model, *batch(10 * epoch + number))
                optimizer.step()
            masks.append(dict(pb.mask) if pb.mask else {})
        return model, pb, masks

    plain, expected, masks = trained(skip=False, stops=())
    for stops in ((), (2, 3, 5)):
        model, pb, found = trained(skip=True, stops=stops)
        for one, two in zip(masks, found, strict=True):
            assert all(torch.equal(one[name], two[name]) for name in one)
        for (name, p), q in zip(model.named_parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(p, q, rtol=1e-3, atol=1e-5, msg=name)
        assert pb.report().masked_at_epochs == (1, 3)
        assert pb.report().total("n_natural_zeros") == expected.report().total("n_natural_zeros")
        assert all(type(m) not in (_SkippingTorchConv2d, _SkippingLinear) for m in model.modules())


def test_frozen_filters_keep_every_bit_and_closing_ends_it():
    model = made()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    pb = PartialBackprop(model, optimizer, HALF, start_epoch=0, skip_filters=True)
    before = copy.deepcopy(dict(model.named_parameters()))
    pb.begin_epoch(0)
    for number in range(4):
        optimizer.zero_grad()
        backward(model, *batch(number))
        optimizer.step()
    for name, active in pb.mask.items():
        now = dict(model.named_parameters())[name]
        assert torch.equal(bits(now)[~active], bits(before[name])[~active])
        assert not active.any() or not torch.equal(now[active], before[name][active])
    assert any(isinstance(module, _SkippingTorchConv2d) for module in model.modules())
    pb.close()
    assert not any(isinstance(module, _SkippingTorchConv2d) for module in model.modules())


@pytest.mark.parametrize("name", ["vgg19", "resnet20"])
def test_our_own_convolutions_leave_out_frozen_filters_too(name):
    torch.manual_seed(0)
    model = registry.load("networks", name)((3, 32, 32), 10, width=0.5 if name == "vgg19" else 2.0)
    model = model.to(memory_format=torch.channels_last)
    images, labels = torch.randn(4, 3, 32, 32), torch.arange(4)
    whole = backward(model, images, labels)
    mask = PER_LAYER(whole)
    skipped = SkippedFilters(model, mask)
    assert any(isinstance(one, _Skipping) and isinstance(one, Conv2d) for one in model.modules())
    some = backward(model, images, labels)
    for key in (name for name, one in whole.items() if one.dim() == 4):
        expected = whole[key] * mask[key].flatten(1).any(1).view(-1, 1, 1, 1)
        size = float(expected.abs().max())
        torch.testing.assert_close(some[key], expected, rtol=1e-3, atol=1e-4 * size)
    skipped.remove()
    assert {type(one) for one in model.modules() if isinstance(one, nn.Conv2d)} == {Conv2d}
