"""The callback for Lightning: the weights of a plain loop, bit for bit."""

import dataclasses
import functools
import importlib

import pytest
import torch
from tests.integrations import plain
from torch import nn

from partial_backprop import UserError


@pytest.fixture(scope="module")
def runs(trainers):
    return importlib.import_module("tests.integrations.lightning_training")


def assert_same(one, other) -> None:
    (model, pb), (network, other_pb, _) = one, other
    found = network.state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(value, found[name]), name
    layers, other_layers = pb.report().layers, other_pb.report().layers
    for layer, other_layer in zip(layers, other_layers, strict=True):
        assert dataclasses.replace(layer, name=f"network.{layer.name}") == other_layer
    assert 0.1 < pb.mask.n_frozen() / pb.mask.n_weights() < 0.9
    assert pb.report().masked_at_epochs == other_pb.report().masked_at_epochs


@pytest.mark.parametrize("kind", ["Module", "Manual", "ManualByClosure"])
@pytest.mark.parametrize("compact", [False, True])
def test_it_trains_as_a_plain_loop(runs, tmp_path, kind, compact):
    options = {**plain.OPTIONS, "compact": compact}
    found = runs.fit(getattr(runs, kind)(), tmp_path, pb=options)
    assert_same(plain.trained(options=options), found)
    assert found[1].is_compact == compact


NORM = functools.partial(nn.utils.clip_grad_norm_, max_norm=0.05)
VALUE = functools.partial(nn.utils.clip_grad_value_, clip_value=0.005)


@pytest.mark.parametrize(
    ("how", "options"),
    [
        ({"accumulate": 2}, {"accumulate_grad_batches": 2}),
        ({"clip": NORM}, {"gradient_clip_val": 0.05}),
        ({"clip": VALUE}, {"gradient_clip_val": 0.005, "gradient_clip_algorithm": "value"}),
        (
            {"accumulate": 2, "clip": NORM},
            {"accumulate_grad_batches": 2, "gradient_clip_val": 0.05},
        ),
    ],
    ids=["accumulation", "norm", "value", "both"],
)
@pytest.mark.parametrize("compact", [False, True])
def test_accumulation_and_clipping(runs, tmp_path, how, options, compact):
    pb = {**plain.OPTIONS, "compact": compact}
    assert_same(
        plain.trained(options=pb, **how), runs.fit(runs.Module(), tmp_path, pb=pb, **options)
    )


def test_mixed_precision_with_bfloat16(runs, tmp_path):
    found = runs.fit(runs.Module(), tmp_path, precision="bf16-mixed")
    assert_same(plain.trained(autocast=runs.bfloat16), found)


@pytest.mark.parametrize("scale", [2.0**10, 2.0**22], ids=["fits", "overflows at first"])
def test_mixed_precision_with_a_scaler(runs, tmp_path, scale):
    from lightning.pytorch.plugins import MixedPrecision

    scalers = [torch.amp.GradScaler("cpu", init_scale=scale) for _ in range(2)]
    plugin = MixedPrecision("16-mixed", "cpu", scalers[0])
    options = {**plain.OPTIONS, "start_epoch": 0}
    found = runs.fit(runs.Module(), tmp_path, pb=options, plugins=[plugin], gradient_clip_val=0.05)
    how = {"autocast": runs.half_precision, "scaler": scalers[1], "clip": NORM}
    assert_same(plain.trained(options=options, **how), found)
    assert scalers[0].get_scale() == scalers[1].get_scale()
    assert (scalers[0].get_scale() < scale) == (scale > 2**20)  # a first step was left out


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("n_steps", [10, 12], ids=["at the end of an epoch", "within one"])
def test_a_run_resumes_from_lightnings_own_checkpoint(runs, tmp_path, compact, n_steps):
    from lightning.pytorch.callbacks import ModelCheckpoint

    options = {**plain.OPTIONS, "compact": compact}
    keep = ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=n_steps, save_top_k=-1)
    whole = runs.fit(
        runs.Module(), tmp_path, pb=options, enable_checkpointing=True, callbacks=[keep]
    )
    path = tmp_path / f"step={n_steps}.ckpt"
    resumed = runs.fit(runs.Module(seed=1), tmp_path, pb=options, ckpt_path=path)
    assert_same(plain.trained(options=options), whole)
    assert_same(plain.trained(options=options), resumed)


def test_a_training_that_goes_on_keeps_its_mask(runs, tmp_path):
    module = runs.Module()
    options = {"criterion": plain.OPTIONS["criterion"], "start_epoch": 1}
    network, pb, trainer = runs.fit(module, tmp_path, epochs=2, pb=options)
    mask, before = pb.mask, {n: p.detach().clone() for n, p in module.named_parameters()}
    trainer.fit_loop.max_epochs = 4
    runs.fit_quietly(trainer, module)
    (callback,) = (one for one in trainer.callbacks if hasattr(one, "pb"))
    assert callback.pb is not pb
    assert callback.pb.report().masked_at_epochs == (1,)
    for name, parameter in module.named_parameters():
        assert torch.equal(callback.pb.mask[name], mask[name])
        assert torch.equal(parameter[~mask[name]], before[name][~mask[name]])
    assert not torch.equal(network[0].weight, before["network.0.weight"])


def test_a_batch_that_is_left_out_lets_the_mask_wait(runs, tmp_path):
    options = {**plain.OPTIONS, "start_epoch": 0}
    _, pb, _ = runs.fit(runs.Skipping(), tmp_path, pb=options)
    assert pb.report().masked_at_epochs == (0, 2)


def test_of_several_optimizers_one_is_named(runs, tmp_path):
    with pytest.raises(UserError, match="has 2 optimizers"):
        runs.fit(runs.TwoOptimizers(), tmp_path)
    callbacks = [runs.PartialBackpropCallback(**plain.OPTIONS, optimizer=i) for i in range(2)]
    module = runs.TwoOptimizers()
    trainer = runs.trainer(callbacks, tmp_path, enable_checkpointing=False)
    runs.fit_quietly(trainer, module)
    first, rest = (set(callback.pb.mask) for callback in callbacks)
    assert first == {"network.0.weight", "network.0.bias"}
    assert first | rest == {name for name, _ in module.named_parameters()}
    assert not first & rest
    trainer.save_checkpoint(tmp_path / "both.ckpt")
    callbacks = [runs.PartialBackpropCallback(**plain.OPTIONS, optimizer=i) for i in range(2)]
    resumed = runs.trainer(callbacks, tmp_path, epochs=5, enable_checkpointing=False)
    runs.fit_quietly(resumed, runs.TwoOptimizers(seed=1), tmp_path / "both.ckpt")
    assert set(callbacks[0].pb.mask) == first


def test_lbfgs_is_refused_by_name(runs, tmp_path):
    with pytest.raises(UserError, match="LBFGS"):
        runs.fit(runs.Module(lambda model: torch.optim.LBFGS(model.parameters())), tmp_path)


def test_wrong_options_are_refused_at_once(runs):
    with pytest.raises(UserError, match="unknown name"):
        runs.PartialBackpropCallback("quantil")
    with pytest.raises(TypeError, match="start_epochs"):
        runs.PartialBackpropCallback({"name": "quantile", "q": 0.5}, start_epochs=1)
