"""The networks whose last feature map a decoder can attend to."""

import pytest
import torch

from partial_backprop.networks import resnet101, scene_cnn
from partial_backprop.torchvision_compat import import_torchvision


def test_resnet101_has_the_names_of_torchvisions_weights():
    """44,549,160 is the number of parameters in torchvision's own table of weights."""
    models = import_torchvision().models
    with torch.device("meta"):
        ours, theirs = resnet101.build((3, 224, 224), 1000), models.resnet101()
    expected = {name: tensor.shape for name, tensor in theirs.state_dict().items()}
    assert {name: tensor.shape for name, tensor in ours.state_dict().items()} == expected
    n_parameters = sum(parameter.numel() for parameter in ours.parameters())
    meta = models.ResNet101_Weights.IMAGENET1K_V1.meta
    assert n_parameters == meta["num_params"] == 44_549_160


@torch.no_grad()
def test_resnet101_computes_what_torchvisions_does():
    resnet = import_torchvision().models.resnet
    torch.manual_seed(0)
    theirs = resnet.ResNet(resnet.Bottleneck, [1, 2, 1, 1], num_classes=7).double().eval()
    ours = resnet101.build((3, 64, 64), 7, blocks=(1, 2, 1, 1)).double().eval()
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    caught = []
    theirs.layer4.register_forward_hook(lambda *call: caught.append(call[2]))
    torch.testing.assert_close(ours(images), theirs(images))
    torch.testing.assert_close(ours.features(images), caught[0])
    assert caught[0].shape == (2, 2048, 2, 2)


@pytest.mark.parametrize("blocks", [(3, 4, 23), (3, 0, 1, 1), ()])
def test_resnet101_has_four_stages(blocks):
    with pytest.raises(ValueError, match="blocks"):
        resnet101.build((3, 32, 32), 10, blocks=blocks)


def test_resnet101_takes_coloured_images():
    with pytest.raises(ValueError, match="coloured images, got 1"):
        resnet101.build((1, 32, 32), 10)


@torch.no_grad()
def test_scene_cnn_takes_larger_images_than_it_was_built_for():
    """Each place of a map sees the same patch, wherever in a larger image it lies."""
    torch.manual_seed(0)
    model = scene_cnn.build((3, 32, 32), 10).double().eval()
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    whole = model.features(image)
    assert whole.shape[2:] == (8, 8)
    moved = model.features(image.roll((8, 16), (2, 3)))
    inner = (slice(None), slice(None), slice(4, 6), slice(5, 6))
    torch.testing.assert_close(moved[inner], whole.roll((1, 2), (2, 3))[inner])
    assert whole.min() >= 0
    logits = model.classifier(whole.mean((2, 3)))
    torch.testing.assert_close(model(image), logits)
