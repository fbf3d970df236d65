"""Our convolutions have torch's values, gradients and exact zeros."""

import copy
from statistics import median

import pytest
import torch
import torch.nn.functional as F

from partial_backprop import registry
from partial_backprop.layers import convolution, kernels, winograd
from partial_backprop.layers.convolution import Conv2d, algorithm, convolve

GEOMETRY = ((1, 1), (1, 1), (1, 1), 1)
ROUNDING = (
    4e-5  # of the largest value; Winograd's transforms multiply float32's 6e-8 by some hundreds
)


def case(n, c, f, side, dtype=torch.float32):
    generator = torch.Generator().manual_seed(c + f + side)
    images, weight, bias, gradient = (
        torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
        for shape in ((n, c, side, side), (f, c, 3, 3), (f,), (n, f, side, side))
    )
    last = {"memory_format": torch.channels_last}
    leaves = [images.contiguous(**last), (weight / 3 / c**0.5).contiguous(**last), bias]
    return [leaf.requires_grad_() for leaf in leaves], gradient.contiguous(**last)


def with_gradients(outputs, leaves, gradient):
    return outputs, *torch.autograd.grad(outputs, leaves, gradient)


def distance(found, exact):
    found, exact = found.detach().double(), exact.detach().double()
    return float((found - exact).abs().max() / exact.abs().max())


@pytest.mark.parametrize(
    ("n", "c", "f", "side", "chosen"),
    [
        (3, 32, 48, 4, "winograd"),
        (2, 40, 32, 8, "winograd"),
        (5, 33, 35, 12, "winograd"),  # odd channels, more than one block of no round number
        (2, 32, 32, 32, "winograd"),
        (3, 32, 48, 2, "matrix"),
        (3, 32, 48, 1, "matrix"),
        (3, 31, 48, 4, "torch"),
        (3, 32, 32, 6, "torch"),
    ],
)
def test_values_and_gradients_are_those_of_double_precision(n, c, f, side, chosen):
    leaves, gradient = case(n, c, f, side)
    assert algorithm(*leaves[:2], GEOMETRY) == chosen
    found = with_gradients(convolve(*leaves, GEOMETRY), leaves, gradient)
    double = [leaf.detach().double().requires_grad_() for leaf in leaves]
    exact = with_gradients(F.conv2d(*double, padding=1), double, gradient.double())
    assert max(map(distance, found, exact)) < ROUNDING
    assert found[2].stride() == leaves[1].stride()  # as Adam's fused kernel wants it


def test_tiles_are_worked_off_in_blocks(monkeypatch):
    leaves, gradient = case(7, 32, 32, 8)
    whole = with_gradients(convolve(*leaves, GEOMETRY), leaves, gradient)
    monkeypatch.setattr(winograd, "_WORKSPACE", 36 * 4 * 64 * 3)  # three images at once
    parts = with_gradients(convolve(*leaves, GEOMETRY), leaves, gradient)
    assert max(map(distance, parts, whole)) < 1e-6


@pytest.mark.parametrize("side", [1, 2])
def test_the_matrix_form_passes_gradcheck(side):
    leaves, _ = case(2, 2, 3, side, torch.float64)
    assert torch.autograd.gradcheck(
        lambda *some: convolution._Convolution.apply(*some, GEOMETRY, None, "matrix"), leaves
    )


@pytest.mark.parametrize("side", [2, 4, 8])
def test_exact_zeros_of_weight_gradients_are_torchs(side):
    """A filter's tap that meets only zeros has a gradient of exactly 0: PB counts these."""
    leaves, gradient = case(4, 32, 32, side)
    with torch.no_grad():
        leaves[0][:, 3] = 0  # a channel that is off
        leaves[0][:, 5, 1:] = 0  # one that is on in its first row alone
        gradient[:, 7] = 0
    ours = torch.autograd.grad(convolve(*leaves, GEOMETRY), leaves, gradient)[1]
    torchs = torch.autograd.grad(F.conv2d(*leaves, padding=1), leaves, gradient)[1]
    assert (torchs == 0).sum() > 32 * 9
    assert torch.equal(ours == 0, torchs == 0)


@pytest.mark.parametrize(("side", "stride"), [(2, 1), (4, 1), (8, 1), (6, 1), (8, 2)])
def test_only_the_wanted_filters_get_a_weight_gradient(side, stride):
    geometry = ((stride, stride), *GEOMETRY[1:])
    leaves, _ = case(3, 32, 40, side)
    rows = torch.tensor([0, 5, 39])
    outputs = convolve(*leaves, geometry)
    gradient = torch.randn_like(outputs)
    whole = torch.autograd.grad(outputs, leaves, gradient)
    some = torch.autograd.grad(convolve(*leaves, geometry, rows), leaves, gradient)
    assert distance(some[1][rows], whole[1][rows]) < 1e-5
    others = torch.ones(40, dtype=torch.bool).index_fill_(0, rows, False)
    assert not some[1][others].any()
    assert torch.equal(some[0], whole[0])


@pytest.mark.parametrize("side", [1, 2, 4, 8, 16])
def test_autocast_is_followed(side):
    leaves, gradient = case(3, 32, 40, side)
    with torch.autocast("cpu", torch.bfloat16):
        ours = convolve(*leaves, GEOMETRY)
        torchs = F.conv2d(*leaves, padding=1)
    assert ours.dtype == torchs.dtype == torch.bfloat16
    found = with_gradients(ours, leaves, gradient.bfloat16())
    assert [one.dtype for one in found[1:]] == [torch.float32] * 3
    exact = with_gradients(torchs, leaves, gradient.bfloat16())
    assert max(map(distance, found, exact)) < 2**-6


def bfloat16_case(n, c, f, side, size):
    """Numbers that bfloat16 has, so that only sums and outputs are rounded; images are of that type."""
    generator = torch.Generator().manual_seed(c + f + side)
    shapes = (n, c, side, side), (f, c, size, size), (f,), (n, f, side, side)
    images, weight, bias, gradient = (
        torch.randn(shape, generator=generator)
        .bfloat16()
        .contiguous(memory_format=torch.channels_last)
        if len(shape) == 4
        else torch.randn(shape, generator=generator).bfloat16()
        for shape in shapes
    )
    leaves = [images, weight.float(), bias.float()]
    return [leaf.requires_grad_() for leaf in leaves], gradient


def bfloat16_chosen(side):
    """What runs on this processor."""
    return "tiles" if kernels.have_tiles() else "matrix" if side <= 2 else "torch"


@pytest.mark.parametrize(
    ("n", "c", "f", "side", "size"),
    [
        (3, 3, 64, 32, 3),
        (17, 16, 16, 32, 3),
        (2, 64, 64, 16, 3),
        (3, 128, 96, 8, 3),  # forward and input gradient by torch
        (5, 48, 12, 8, 3),
        (33, 64, 96, 4, 3),  # 16 images to a tile
        (16, 32, 33, 3, 3),
        (7, 64, 32, 4, 3),  # too few images for that
        (20, 64, 64, 2, 3),
        (1, 34, 35, 1, 3),
        (7, 5, 19, 6, 3),
        (3, 60, 48, 32, 1),
        (5, 33, 70, 7, 1),
        (1, 40, 20, 3, 1),  # fewer places than a tile has
    ],
)
def test_bfloat16_is_rounded_once_and_weight_gradients_not_at_all(n, c, f, side, size):
    leaves, gradient = bfloat16_case(n, c, f, side, size)
    geometry = ((1, 1), (size // 2, size // 2), (1, 1), 1)
    with torch.autocast("cpu", torch.bfloat16):
        found = convolve(*leaves, geometry)
    assert found.dtype == torch.bfloat16
    found = with_gradients(found, leaves, gradient)
    double = [leaf.detach().double().requires_grad_() for leaf in leaves]
    exact = with_gradients(F.conv2d(*double, padding=size // 2), double, gradient.double())
    assert max(map(distance, found, exact)) < 2**-7
    usual = size == 3 and min(c, f) >= 32  # or torch's kernel runs on other processors
    if kernels.have_tiles() or usual:
        assert algorithm(*(one.bfloat16() for one in leaves[:2]), geometry) == bfloat16_chosen(side)
    if kernels.have_tiles() and (size == 1 or c >= 16):
        assert distance(found[2], exact[2]) < 1e-5
    for layout in (
        torch.contiguous_format,
        torch.channels_last,
    ):  # strides of sides of 1 may differ
        layouts = [one.is_contiguous(memory_format=layout) for one in (found[2], leaves[1])]
        assert layouts[0] == layouts[1]


@pytest.mark.parametrize("side", [1, 2, 4, 8])
def test_exact_zeros_of_weight_gradients_are_there_in_bfloat16_too(side):
    leaves, gradient = bfloat16_case(17, 48, 40, side, 3)
    with torch.no_grad():
        leaves[0][:, 3] = 0
        leaves[0][:, 5, 1:] = 0
        gradient[:, 7] = 0
    double = [leaf.detach().double().requires_grad_() for leaf in leaves]
    exact = torch.autograd.grad(F.conv2d(*double, padding=1), double, gradient.double())[1]
    with torch.autocast("cpu", torch.bfloat16):
        outputs = convolve(*leaves, GEOMETRY)
    assert torch.equal(torch.autograd.grad(outputs, leaves, gradient)[1] == 0, exact == 0)


@pytest.mark.parametrize("side", [2, 4, 8])
def test_only_the_wanted_filters_get_one_in_bfloat16_too(side):
    leaves, gradient = bfloat16_case(17, 48, 40, side, 3)
    rows = torch.tensor([0, 5, 39])
    with torch.autocast("cpu", torch.bfloat16):
        outputs = [convolve(*leaves, GEOMETRY, some) for some in (None, rows)]
    whole, some = (torch.autograd.grad(one, leaves, gradient) for one in outputs)
    assert distance(some[1][rows], whole[1][rows]) < 2**-7
    others = torch.ones(40, dtype=torch.bool).index_fill_(0, rows, False)
    assert not some[1][others].any()
    assert torch.equal(some[0], whole[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("c", "side"), [(16, 8), (128, 8), (64, 4)])
def test_the_input_may_be_used_twice(c, side, dtype):
    torch.manual_seed(0)
    layer = Conv2d(c, c, 3, padding=1).to(memory_format=torch.channels_last)
    images = torch.randn(17, c, side, side).contiguous(memory_format=torch.channels_last)
    images = images.to(dtype).requires_grad_()
    gradients = torch.randn(2, 17, c, side, side).to(dtype).unbind()
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        twice = layer.beside(images)
        apart = layer(images), images.clone()
        second = layer.beside(images)[1]
    assert all(map(torch.equal, twice, apart))
    found, expected = (
        torch.autograd.grad(outputs, [images, *layer.parameters()], gradients)
        for outputs in (twice, apart)
    )
    assert distance(found[0], expected[0]) < (2**-7 if dtype == torch.bfloat16 else 1e-6)
    assert all(map(torch.equal, found[1:], expected[1:]))
    alone = torch.autograd.grad(second.sum(), images)[0]
    assert torch.equal(alone, torch.ones_like(images))


def test_torchs_own_kernels_go_on_as_before():
    """They share the processor's tiles with ours, and remember how they have set them."""
    leaves, gradient = bfloat16_case(17, 64, 64, 4, 3)
    left, right = torch.randn(2, 70, 70).bfloat16()

    def torchs():
        with torch.autocast("cpu", torch.bfloat16):
            return F.conv2d(*leaves, padding=1), left @ right

    before = torchs()
    for _ in range(2):
        with torch.autocast("cpu", torch.bfloat16):
            torch.autograd.grad(convolve(*leaves, GEOMETRY), leaves, gradient)
        assert all(map(torch.equal, torchs(), before))


def test_types_that_differ_are_refused_as_torch_does():
    leaves, _ = bfloat16_case(2, 32, 32, 4, 3)
    with pytest.raises(RuntimeError):
        convolve(*leaves, GEOMETRY)
    with pytest.raises(RuntimeError):
        Conv2d(32, 32, 3, padding=1).beside(leaves[0])


def test_the_same_input_gives_the_same_bits():
    leaves, gradient = case(5, 64, 64, 8)
    twice = [with_gradients(convolve(*leaves, GEOMETRY), leaves, gradient) for _ in range(2)]
    assert all(map(torch.equal, *twice))
    leaves, gradient = bfloat16_case(17, 64, 64, 8, 3)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = [convolve(*leaves, GEOMETRY) for _ in range(2)]
    twice = [with_gradients(one, leaves, gradient) for one in outputs]
    assert all(map(torch.equal, *twice))


def test_torch_runs_with_more_threads_in_double_precision_and_without_a_compiler(monkeypatch):
    (images, weight, _), _ = case(2, 32, 32, 8)
    assert algorithm(images.double(), weight.double(), GEOMETRY) == "torch"
    torch.set_num_threads(2)
    assert algorithm(images, weight, GEOMETRY) == "torch"
    assert algorithm(images.bfloat16(), weight, GEOMETRY) == "torch"
    torch.set_num_threads(1)
    monkeypatch.setattr(kernels, "library", lambda: None)
    assert algorithm(images, weight, GEOMETRY) == "torch"


NETWORKS = {
    "vgg19": {"width": 0.5},
    "vgg16": {"width": 0.25},
    "resnet110": {"depth": 14, "width": 2.0},
    "resnet20": {},
}
NETWORKS |= {
    "densenet121": {"growth": 32, "blocks": (1, 1, 1, 1)},
    "conv4": {"width": 0.5},
    "scene_cnn": {},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_whole_networks_come_out_the_same(name):
    """All strides, paddings and sizes that our networks use, beside torch's own kernels and float64."""
    torch.manual_seed(0)
    model = registry.load("networks", name)((3, 32, 32), 10, **NETWORKS[name])
    model = model.to(memory_format=torch.channels_last).train()
    images, labels = torch.randn(4, 3, 32, 32), torch.arange(4)
    used = {
        algorithm(torch.empty(1, *where[0]), module.weight, module.geometry)
        for module, where in _shapes(model, images).items()
    }
    assert used & {"winograd", "matrix"}

    def loss_and_gradients(model, images):
        loss = F.cross_entropy(model(images), labels)
        return loss, *torch.autograd.grad(loss, list(model.parameters()))

    exact = loss_and_gradients(copy.deepcopy(model).double(), images.double())
    ours = loss_and_gradients(model, images)
    with kernels.torch_only():
        torchs = loss_and_gradients(model, images)
    torch.testing.assert_close(ours[0].double(), exact[0], rtol=1e-4, atol=0)

    def relative(found):
        return [
            distance(a, b) for a, b in zip(found, exact[1:], strict=True) if b.abs().max() > 1e-7
        ]

    assert median(relative(ours[1:])) < max(20 * median(relative(torchs[1:])), 1e-4)


@pytest.mark.parametrize("name", ["vgg19", "resnet110", "densenet121"])
def test_whole_networks_come_out_the_same_in_bfloat16(name):
    torch.manual_seed(0)
    model = registry.load("networks", name)((3, 32, 32), 10, **NETWORKS[name])
    model = model.to(memory_format=torch.channels_last).train()
    images, labels = torch.randn(17, 3, 32, 32), torch.arange(17) % 10

    def loss_and_gradients(precise=False):
        with torch.autocast("cpu", torch.bfloat16, enabled=not precise):
            outputs = model(images)
        loss = F.cross_entropy(outputs.float(), labels)
        return loss, torch.autograd.grad(loss, list(model.parameters()))

    exact, ours = loss_and_gradients(precise=True), loss_and_gradients()
    with kernels.torch_only():
        torchs = loss_and_gradients()
    torch.testing.assert_close(ours[0], exact[0], rtol=0.02, atol=0)

    def likeness(found):
        pairs = [(a.flatten(), b.flatten()) for a, b in zip(found[1], exact[1], strict=True)]
        # A batch normalisation has no use for the bias before it.
        return median(F.cosine_similarity(a, b, 0) for a, b in pairs if b.abs().max() > 1e-3)

    assert 1 - likeness(ours) < 2 * (1 - likeness(torchs)) + 0.01


def _shapes(model, images):
    found = {}

    def remember(module, inputs):
        found[module] = [one.shape[1:] for one in inputs]

    hooks = [
        one.register_forward_pre_hook(remember)
        for one in model.modules()
        if isinstance(one, Conv2d)
    ]
    with torch.no_grad():
        model.eval()(images)
    model.train()
    for hook in hooks:
        hook.remove()
    return found
