"""Optimizers and the learning rate by epoch."""

import pytest
import torch

from partial_backprop.run_config import OptimizerConfig, TrainingConfig
from partial_backprop.training import optimizers


def test_the_schedule_is_the_listings():
    # pb2020, listing: 0.001, then 0.0001 from epoch 40 and 0.00001 from epoch 80.
    config = TrainingConfig()
    rates = [config.learning_rate(epoch) for epoch in (0, 39, 40, 79, 80, 109)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])


def reference_amsgrad(gradients, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    """AMSGrad with bias correction, as torch documents it, in plain double arithmetic."""
    value = m = v = v_max = 0.0
    for step, gradient in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * gradient
        v = beta2 * v + (1 - beta2) * gradient**2
        v_max = max(v_max, v)
        scale = (v_max / (1 - beta2**step)) ** 0.5 + eps
        value -= lr * m / (1 - beta1**step) / scale
    return value


def test_amsgrad_is_amsgrad():
    gradients = [1.0, -0.5, 0.01, 0.0, 3.0, 0.02, -0.02]
    parameter = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = optimizers.build([parameter], OptimizerConfig(name="amsgrad", learning_rate=0.1))
    for gradient in gradients:
        parameter.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
    assert parameter.item() == pytest.approx(reference_amsgrad(gradients, 0.1), rel=1e-12)


@pytest.mark.parametrize("name", ["amsgrad", "adam", "adamw", "sgd"])
def test_every_name_builds_and_steps(name):
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = optimizers.build([parameter], OptimizerConfig(name=name, momentum=0.9))
    optimizers.set_learning_rate(optimizer, 0.5)
    parameter.grad = torch.ones(3)
    optimizer.step()
    assert (parameter < 1).all()
