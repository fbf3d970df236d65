"""What every network promises, and the source's parameter counts."""

import pytest
import torch

from partial_backprop import registry

SMALL = {
    "lenet5": {"width": 0.5},
    "lenet5_6_16_120": {"width": 0.5},
    "vgg19": {"width": 0.0625},
    "resnet110": {"depth": 8, "width": 0.5},
    "densenet121": {"growth": 4, "blocks": (1, 2, 1, 1)},
    "resnet20": {"width": 0.25},
    "filter_cnn": {"width": 0.0625},
    "keras_cnn": {"width": 0.25},
    "lenet3": {"width": 0.25},
    "conv2": {"width": 0.125},
    "conv4": {"width": 0.125},
    "vgg16": {"width": 0.0625},
    "resnet56": {"depth": 8, "width": 0.5},
    "resnet56_bottleneck": {"depth": 8, "width": 0.25},
    "resnet18": {},
    "scene_cnn": {"width": 0.25},
    "efficientnet_lite0": {},
    "resnet101": {"blocks": (1, 1, 1, 1)},
}
SHAPES = dict.fromkeys(("lenet5", "lenet5_6_16_120", "lenet3"), (1, 28, 28))


def build(name, **options):
    return registry.load("networks", name)(SHAPES.get(name, (3, 32, 32)), 10, **options)


@pytest.mark.parametrize(
    ("name", "n_parameters"),
    [
        # pb2020's networks as its public code builds them; LeNet-5 counted by hand:
        # 8·25+8 + 32·8·25+32 + 800·120+120 + 120·84+84 + 84·10+10.
        ("vgg19", 20_040_522),
        ("resnet110", 1_727_962),
        ("resnet20", 272_474),
        ("keras_cnn", 551_722),  # gradient_notes, line 53
        ("densenet121", 1_000_618),
        ("lenet5", 113_774),
        # As pruning_logs prints it, in all and by layer.
        ("filter_cnn", 17_192_650),
        # dessilbi2020's: the sums of test_dessilbi_networks with their biases; He et al.'s 0.85 million;
        # 14,710,464 weights of convolutions, 12,672 biases and norms, and 5,130.
        ("lenet3", 266_610),
        ("lenet5_6_16_120", 61_706),  # 6·25+6 + 16·150+16 + 120·400+120 + 84·120+84 + 10·84+10
        ("conv2", 4_301_642),
        ("conv4", 2_425_930),
        ("resnet56", 853_018),
        ("vgg16", 14_728_266),
        # Its public code's, block by block, counted by hand.
        ("resnet56_bottleneck", 869_530),
    ],
)
def test_parameter_count_is_the_sources(name, n_parameters):
    model = build(name)
    assert sum(parameter.numel() for parameter in model.parameters()) == n_parameters


def test_lenet5_may_pool_before_it_rectifies():
    model = build("lenet5").to(memory_format=torch.channels_last)
    first, second = (model.features.get_submodule(name) for name in ("0", "3"))
    images = torch.randn(20, 1, 28, 28, generator=torch.Generator().manual_seed(0))

    def rectified_first(images):
        for convolution in (first, second):
            images = torch.nn.functional.max_pool2d(convolution(images).relu(), 2)
        return model.classifier(images.flatten(1))

    found = []
    for forward in (model, rectified_first):
        model.zero_grad()
        logits = forward(images)
        logits.square().sum().backward()
        found.append((logits.detach(), [one.grad.clone() for one in model.parameters()]))
    (logits, gradients), (expected, expected_gradients) = found
    assert torch.equal(logits, expected)
    assert all(map(torch.equal, gradients, expected_gradients))


def test_every_network_is_covered_here():
    assert set(registry.names("networks")) == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_every_weight_gets_a_gradient(name, device):
    torch.manual_seed(0)
    with torch.device(device):
        model = build(name, **SMALL[name])
        images = torch.randn(4, *SHAPES.get(name, (3, 32, 32)))
    logits = model(images)
    assert logits.shape == (4, 10)
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("name", SMALL)
def test_memory_format_does_not_change_the_function(name):
    torch.manual_seed(0)
    model = build(name, **SMALL[name]).double().eval()
    images = torch.randn(2, *SHAPES.get(name, (3, 32, 32)), dtype=torch.float64)
    expected = model(images)
    model.to(memory_format=torch.channels_last)
    found = model(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected)


def test_vgg19_has_sixteen_convolutions_of_the_sources_widths():
    widths = [m.out_channels for m in build("vgg19").modules() if isinstance(m, torch.nn.Conv2d)]
    assert widths == [64] * 2 + [128] * 2 + [256] * 4 + [512] * 8


def test_option_a_shortcut_keeps_every_other_pixel_and_pads_with_zeros():
    from partial_backprop.networks.resnet110 import BasicBlock

    block = BasicBlock(2, 4).eval()
    torch.nn.init.zeros_(block.bn2.weight)  # no residual: what is left is the shortcut
    features = torch.rand(1, 2, 8, 8)
    found = block(features)
    assert torch.equal(found[:, 1:3], features[:, :, ::2, ::2])
    assert not found[:, [0, 3]].any()


def test_wrong_depth_is_told():
    with pytest.raises(ValueError, match="6 n \\+ 2"):
        build("resnet110", depth=9)


@pytest.mark.parametrize("name", ["lenet5", "vgg19", "resnet110"])
@pytest.mark.parametrize("width", [0, -1.0])
def test_width_must_be_positive(name, width):
    with pytest.raises(ValueError, match="width"):
        build(name, width=width)


@pytest.mark.parametrize("name", SMALL)
def test_images_that_do_not_fit_are_told(name):
    with pytest.raises(ValueError, match="multiples"):
        registry.load("networks", name)((3, 30, 31), 10)
