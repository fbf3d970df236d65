"""The gradient sample is of the very gradients from which an arm makes its mask."""

import numpy as np
import pytest
import torch

from partial_backprop import gradients
from partial_backprop.freezing.partial_backprop import PartialBackprop
from partial_backprop.recipes import gradient_sample
from partial_backprop.recipes.context import build_context
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.mask_gradients import first_gradients
from partial_backprop.run_config import TRUNK
from partial_backprop.training.loop import Hooks, fit

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def context(resolved, trunk, tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    return lambda: build_context(resolved(TRUNK), Job(folder, folder, CPU, trunk=trunk))


@pytest.mark.parametrize("arm", ["pb", "fb_bf16"])
def test_the_probe_sees_what_an_arms_mask_is_made_of(context, resolved, arm):
    config = resolved(arm)
    one = context()
    seen = {}

    def look():
        if not seen:
            named = one.train_state.model.named_parameters()
            seen.update({name: parameter.grad.clone() for name, parameter in named})

    hooks = Hooks(mask_is_due=lambda: not seen, after_backward=look)
    fit(one.train_state, one.splits, config.training, config.seed, hooks=hooks)
    probed = first_gradients(context(), config)
    assert all(torch.equal(probed[name], seen[name]) for name in seen)


def test_histograms_count_every_weight_once(context, resolved, trunk, tmp_path):
    options = dict(resolved("pb_otsu").freezing.criterion)
    options.pop("name")
    job = Job(tmp_path, tmp_path, CPU, trunk=trunk)
    gradient_sample.measure(resolved(TRUNK), 0.0005, options, job)
    sample = gradients.read(tmp_path / "gradients.json")
    probed = first_gradients(context(), resolved(TRUNK))
    assert [layer.name for layer in sample.layers] == list(probed)
    for layer in sample.layers:
        gradient = probed[layer.name].flatten().numpy()
        assert sum(layer.counts) + layer.n_natural_zeros == layer.n_weights == gradient.size
        assert layer.n_natural_zeros == (gradient == 0).sum()
        expected, _ = np.histogram(gradient[gradient != 0].astype(float), bins=layer.edges)
        assert np.abs(expected - layer.counts).sum() <= 2  # an edge may fall on either side
    assert [layer.convolution for layer in sample.layers if layer.convolution] == [1, 2]
    everything = np.concatenate([gradient.numpy().ravel() for gradient in probed.values()])
    below = np.abs(everything) <= 0.0005
    assert sample.density.share_below_tweaked == pytest.approx(below.mean())
    assert sample.density.tweaked == 0.0005


def test_the_samples_threshold_is_the_one_that_an_arm_uses(context, resolved, trunk, tmp_path):
    options = dict(resolved("pb_otsu").freezing.criterion)
    options.pop("name")
    gradient_sample.measure(resolved(TRUNK), 0.0005, options, Job(tmp_path, tmp_path, CPU, trunk))
    one = context()
    pb = PartialBackprop(
        one.train_state.model,
        one.train_state.optimizer,
        criterion=resolved("pb_otsu").freezing.criterion,
    )
    config = resolved("pb_otsu")
    short = config.training.model_copy(update={"epochs": 3})
    hooks = Hooks(begin_epoch=pb.begin_epoch, after_backward=pb.after_backward)
    fit(one.train_state, one.splits, short, config.seed, hooks=hooks)
    assert pb.threshold == gradients.read(tmp_path / "gradients.json").density.otsu
