"""Our pooling has torch's values and gradients, bit for bit."""

import pytest
import torch
import torch.nn.functional as F

from partial_backprop.layers.pooling import MaxPool2d


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rectify", [True, False])
@pytest.mark.parametrize(
    ("n", "c", "h", "w"), [(2, 1, 2, 2), (3, 8, 4, 6), (2, 13, 8, 8), (2, 64, 6, 4), (1, 5, 5, 7)]
)
def test_values_and_gradients_are_torchs(n, c, h, w, rectify, kind):
    torch.manual_seed(c)
    features = torch.randn(n, c, h, w).round(decimals=1)  # with ties and zeros
    features = features.to(kind).contiguous(memory_format=torch.channels_last).requires_grad_()
    found = MaxPool2d(rectify=rectify)(features)
    exact = F.max_pool2d(features, 2)
    exact = F.relu(exact) if rectify else exact
    gradient = torch.randn(found.shape).to(kind)
    assert torch.equal(found, exact)
    assert torch.equal(*(torch.autograd.grad(one, features, gradient)[0] for one in (found, exact)))


def test_a_nan_is_kept():
    features = torch.zeros(1, 8, 4, 4).contiguous(memory_format=torch.channels_last)
    features[0, 3, 0, 1] = float("nan")
    found = MaxPool2d(rectify=True)(features)
    assert found[0, 3, 0, 0].isnan()
    assert found.isnan().sum() == 1
