"""Precisions against torch's own autocast and switches; what stays float32, and what is put back."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from partial_backprop.data.dataset import Examples
from partial_backprop.run_config import TrainingConfig
from partial_backprop.training import optimizers, precision
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.loop import DeviceSplits, TrainState, backward, evaluate, fit
from partial_backprop.training.precision import arithmetic, autocast

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
CONFIG = TrainingConfig(epochs=2, batch_size=8, shared_epochs=0, milestones=())
BF16 = CONFIG.model_copy(update={"precision": "bf16"})


def split(n=20):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, 1, 6, 6), dtype=np.uint8)
    labels = (images.mean((1, 2, 3)) > 127).astype(np.int64)
    return DeviceSplit.of(Examples(images, labels), (0.5,), (0.3,), CPU)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)
    )


def test_bf16_is_autocast_around_the_forward_pass():
    images, labels = split().batch(slice(8))
    ours, plain = network(), network()
    found, _ = backward(ours, images, labels, "bf16")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = plain(images)
        loss = F.cross_entropy(logits.float(), labels)
    loss.backward()
    assert logits.dtype == torch.bfloat16
    assert found.dtype == torch.float32
    assert torch.equal(found, loss.detach())
    for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
        assert torch.equal(mine.grad, theirs.grad)
        assert mine.grad.dtype == torch.float32


@pytest.mark.parametrize("precision", ["float32", "tf32"])
def test_on_a_processor_the_others_change_no_bit(precision):
    images, labels = split().batch(slice(8))
    ours, plain = network(), network()
    found, _ = backward(ours, images, labels, precision)
    loss = F.cross_entropy(plain(images), labels)
    loss.backward()
    assert torch.equal(found, loss.detach())
    for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
        assert torch.equal(mine.grad, theirs.grad)


def test_training_in_bf16_keeps_weights_and_state_in_float32():
    trained = {}
    for config in (CONFIG, BF16):
        model = network()
        one = TrainState(model, optimizers.build(model.parameters(), config.optimizer))
        fit(one, DeviceSplits(split(), split(), split()), config, seed=0)
        trained[config.precision] = one
    state = trained["bf16"].optimizer.state.values()
    tensors = [*trained["bf16"].model.parameters(), *(t for one in state for t in one.values())]
    assert {tensor.dtype for tensor in tensors} == {torch.float32}
    losses = {name: one.rows[-1]["train_loss"] for name, one in trained.items()}
    assert losses["bf16"] != losses["float32"]
    assert losses["bf16"] == pytest.approx(losses["float32"], rel=0.05)


def test_epochs_are_scored_in_the_precision_of_the_training():
    model = network()
    one = TrainState(model, optimizers.build(model.parameters(), BF16.optimizer))
    fit(one, DeviceSplits(split(), split(), split()), BF16, seed=0)
    losses = {name: evaluate(model, split(), precision=name).loss for name in ("bf16", "float32")}
    assert one.rows[-1]["test_loss"] == losses["bf16"] != losses["float32"]
    images, labels = split().batch(slice(None))
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(images).float()
    assert losses["bf16"] == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-5)


def switches():
    return (
        torch.backends.cuda.matmul.fp32_precision,
        torch.backends.cudnn.conv.fp32_precision,
    )


@pytest.mark.parametrize(
    ("precision", "name"), [("float32", "ieee"), ("tf32", "tf32"), ("bf16", "ieee")]
)
def test_on_cuda_float32_tensors_are_multiplied_as_asked_and_torch_is_left_as_it_was(
    precision, name
):
    before, within = switches(), []

    def fail():
        within.append(switches())
        raise KeyError

    with pytest.raises(KeyError), arithmetic(precision, CUDA):
        fail()
    assert within == [(name, name)]
    assert switches() == before
    with arithmetic(precision, CPU):
        assert switches() == before


def test_only_bf16_casts():
    for name, casts in (("float32", False), ("tf32", False), ("bf16", True)):
        with autocast(name, CPU):
            assert torch.is_autocast_enabled("cpu") == casts
    assert not torch.is_autocast_enabled("cpu")


NEITHER = "vendor_id : x\nmodel name : Y\nflags : fpu avx512f\n"
BOTH = "flags\t\t: fpu amx_bf16 avx512_bf16\n"


@pytest.mark.parametrize(
    ("capabilities", "cpuinfo", "found"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, NEITHER, (False, True)),  # torch knows best
        (None, NEITHER, (False, False)),
        (None, BOTH, (True, True)),
        ({"architecture": "aarch64"}, "Features : fp asimd bf16\n", (None, None)),
        (None, None, (None, None)),
    ],
)
def test_bfloat16_instructions_are_asked_of_torch_and_else_of_linux(
    capabilities, cpuinfo, found, monkeypatch, tmp_path
):
    if capabilities is None:  # as torch 2.11
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    else:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    monkeypatch.setattr(precision, "CPUINFO", tmp_path / "cpuinfo")
    if cpuinfo is not None:
        (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert precision.bf16_instructions() == found


@pytest.mark.parametrize(
    ("found", "key"),
    [
        ((True, False), None),
        ((False, True), None),
        ((False, False), "AMX"),
        ((None, None), "unknown"),
    ],
)
def test_bf16_is_warned_of_where_the_processor_emulates_it(found, key, monkeypatch):
    instructions = precision.Bf16Instructions(*found)
    monkeypatch.setattr(precision, "bf16_instructions", lambda: instructions)
    told = precision.bf16_warning("bf16", CPU)
    assert told is None if key is None else (key in told and "slower" in told)
    assert precision.bf16_warning("float32", CPU) is None
    assert precision.bf16_warning("bf16", CUDA) is None
