"""What is saved of activations is really smaller, all else is left alone, and gradients keep their mean."""

import gc

import pytest
import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef

from partial_backprop.layers import kernels
from partial_backprop.layers.convolution import Conv2d
from partial_backprop.layers.normalisation import BatchNorm2d
from partial_backprop.layers.pooling import MaxPool2d
from partial_backprop.quantization import saved_activations
from partial_backprop.quantization.saved_activations import ActivationQuantizer
from partial_backprop.quantization.weibull import LEVELS


@pytest.fixture
def saved(monkeypatch):
    """What comes out of the quantizer's packing: pairs of a tensor and what is kept of it."""
    pairs = []
    pack = ActivationQuantizer._pack

    def recorded(self, tensor):
        kept = pack(self, tensor)
        pairs.append((tensor.detach(), kept))
        return kept

    monkeypatch.setattr(ActivationQuantizer, "_pack", recorded)
    return pairs


def images(*shape, seed=0):
    drawn = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return drawn.to(memory_format=torch.channels_last) if len(shape) == 4 else drawn


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        Conv2d(3, 32, 3, padding=1),
        BatchNorm2d(32, rectify=True),
        Conv2d(32, 32, 3, padding=1),
        MaxPool2d(rectify=True),
        nn.Flatten(),
        nn.Linear(32 * 8 * 8, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    ).to(memory_format=torch.channels_last)


def gradients(model, x, quantizer=None):
    model.zero_grad()
    if quantizer is None:
        outputs = model(x)
    else:
        with quantizer.saving():
            outputs = model(x)
    outputs.square().mean().backward()
    return [one.grad.clone() for one in model.parameters()], outputs.detach()


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_forward_is_the_same_and_backward_the_seeds(levels, bits):
    model, x = network(), images(16, 3, 16, 16)
    expected, outputs = gradients(model, x)
    found, same = gradients(model, x, ActivationQuantizer(bits, levels, seed=1))
    assert torch.equal(outputs, same)
    again, _ = gradients(model, x, ActivationQuantizer(bits, levels, seed=1))
    other, _ = gradients(model, x, ActivationQuantizer(bits, levels, seed=2))
    assert all(map(torch.equal, found, again))
    assert not all(map(torch.equal, found, other))
    assert not all(map(torch.equal, found, expected))
    if bits == 8:
        for one, exact in zip(found, expected, strict=True):
            assert (one - exact).norm() <= 0.05 * exact.norm() + 1e-6


def test_an_epoch_draws_from_its_own_seed():
    model, x = network(), images(16, 3, 16, 16)
    quantizer = ActivationQuantizer(2, seed=1)
    first, _ = gradients(model, x, quantizer)
    quantizer.begin_epoch(5)
    gradients(model, x, quantizer)
    quantizer.begin_epoch(1)
    again, _ = gradients(model, x, quantizer)
    assert all(map(torch.equal, first, again))


def test_kinds_of_tensors(saved):
    """Of this project's own layers too: images and features are packed, nothing else."""
    model, x = network(), images(16, 3, 16, 16)
    gradients(model, x, ActivationQuantizer(2))
    packed = {tuple(one.shape) for one, kept in saved if not isinstance(kept, torch.Tensor)}
    assert {(16, 3, 16, 16), (16, 32, 16, 16), (16, 2048)} <= packed
    parameters = {one.data_ptr() for one in model.parameters()}
    of_parameters = [kept for one, kept in saved if one.data_ptr() in parameters]
    assert of_parameters
    for one, kept in saved:
        if (
            one.data_ptr() in parameters
            or not one.is_floating_point()
            or one.dim() < 2
            or one.dtype == torch.float64
            or one.numel() < 4096
        ):
            assert torch.equal(kept, one)
    if kernels.library() is not None:
        assert any(one.dtype == torch.float64 and one.dim() == 1 for one, _ in saved)
        assert any(one.dtype == torch.uint8 for one, _ in saved)


@pytest.mark.parametrize("precision", ["float32", "autocast", "frozen"])
def test_parameters_in_other_orders_and_types(saved, precision):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(96, 64), nn.Linear(64, 96)).requires_grad_(
        precision != "frozen"
    )
    x = images(128, 96).requires_grad_(precision == "frozen")
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "autocast")
    with ActivationQuantizer(2).saving(), autocast:
        model(x).float().square().mean().backward()
    weights = [kept for one, kept in saved if one.shape in ((96, 64), (64, 96))]
    assert weights
    assert all(isinstance(kept, torch.Tensor) for kept in weights)
    assert any(not isinstance(kept, torch.Tensor) for _, kept in saved)


def test_an_embedding_is_an_activation(saved):
    table = nn.Embedding(50, 64)
    with ActivationQuantizer(2).saving():
        table(torch.arange(200) % 50).square().sum().backward()
    assert any(not isinstance(kept, torch.Tensor) for _, kept in saved)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_memory_is_freed(bits, saved):
    """The features' own memory is gone before the backward pass, and what is kept is counted."""
    model, x = network(), images(16, 3, 16, 16)
    quantizer = ActivationQuantizer(bits)
    with quantizer.saving():
        outputs = model(x)
    storages, packed = {}, {}
    for one, kept in saved:
        if not isinstance(kept, torch.Tensor) and one.data_ptr() != x.data_ptr():
            storages[one.untyped_storage()._cdata] = StorageWeakRef(one.untyped_storage())
        if not isinstance(kept, torch.Tensor):
            content = kept.memory.values.content
            packed[content.data_ptr()] = content.untyped_storage().nbytes()
    n_tensors = len(packed)
    saved.clear()
    del one, kept, content
    gc.collect()
    assert len(storages) >= 3
    assert all(storage.expired() for storage in storages.values())
    assert sum(packed.values()) == quantizer.n_bytes
    levels = n_tensors * 4 * 2**bits
    assert quantizer.n_bytes - levels == quantizer.n_bytes_before // 32 * (bits + 1)
    assert len(quantizer._shared) == n_tensors
    outputs.sum().backward()
    del outputs
    assert not quantizer._shared


def test_one_memory_is_packed_once(saved):
    """A rectifier's output is saved by it, and again by what follows; so is a view of it."""
    x = images(64, 128).requires_grad_()
    weight = nn.Parameter(images(32, 128, seed=1))
    with ActivationQuantizer(2).saving():
        y = (x * 1).relu()
        (y @ weight.T).sum().backward(retain_graph=True)
        y.view(32, 256).square().sum().backward()
    of_y = [kept for one, kept in saved if one.data_ptr() == y.data_ptr()]
    assert len(of_y) == 3
    assert len({id(kept.memory) for kept in of_y}) == 1
    assert {tuple(kept.shape) for kept in of_y} == {(64, 128), (32, 256)}


def test_changed_memory_is_packed_again():
    x = images(64, 128).requires_grad_()
    with ActivationQuantizer(8, "uniform").saving():
        y = x * 1
        first = y.square()
        y.mul_(3)
        second = y.square()
    (of_first,) = torch.autograd.grad(first.sum(), x, retain_graph=True)
    (of_second,) = torch.autograd.grad(second.sum(), x)
    assert torch.allclose(of_first, 2 * x, atol=0.1)
    assert torch.allclose(of_second, 18 * x, atol=0.9)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x,
        lambda x: x.transpose(1, 3),
        lambda x: x[:, :16],
        lambda x: x[::2],
        lambda x: x[:1].expand(9, -1, -1, -1),
        lambda x: x.to(torch.bfloat16),
        lambda x: x.contiguous(),
        lambda x: x.flatten(2),
    ],
)
def test_shapes_types_and_strides_come_back(change):
    x = change(images(8, 32, 12, 12))
    quantizer = ActivationQuantizer(8, "uniform")
    back = saved_activations._unpack(quantizer._pack(x))
    assert (back.shape, back.dtype) == (x.shape, x.dtype)
    assert back.stride() == torch.empty_like(x).stride()
    assert torch.allclose(back, x, atol=float(x.abs().max()) / 120)


@pytest.mark.parametrize("levels", LEVELS)
def test_gradients_keep_their_mean(levels):
    """Through convolutions, rectifiers and pooling, whose masks are kept."""
    torch.manual_seed(0)
    model = nn.Sequential(
        Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        Conv2d(8, 32, 3, padding=1),
        MaxPool2d(rectify=True),
        Conv2d(32, 8, 3, padding=1),
        nn.ReLU(),
    )
    model = model.to(memory_format=torch.channels_last)
    x = images(4, 3, 16, 16)
    quantizer = ActivationQuantizer(2, levels, min_size=1)
    direction = images(4, 8, 8, 8, seed=1)

    def run(saving):
        model.zero_grad()
        with saving:
            outputs = model(x)
        outputs.backward(direction)
        return torch.cat([one.grad.flatten() for one in model.parameters()]).double()

    exact = run(torch.enable_grad())
    n = 150
    runs = torch.stack([run(quantizer.saving()) for _ in range(n)])
    error = runs.mean(0) - exact
    noise = runs.std(0) / n**0.5
    assert noise.norm() > 0
    # Of a hundred standard errors at most a handful is above three.
    assert ((error.abs() > 3 * noise + 1e-5).double().mean()) < 0.02
    assert error.norm() < 2 * noise.norm()


@pytest.mark.parametrize("levels", LEVELS)
def test_training_with_it_learns(levels):
    x, labels = images(512, 3, 16, 16), torch.arange(512) % 2
    x[labels == 1] += 0.5
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    quantizer = ActivationQuantizer(2, levels)
    losses = []
    for step in range(24):
        rows = slice(32 * (step % 16), 32 * (step % 16 + 1))
        optimizer.zero_grad()
        with quantizer.saving():
            outputs = model(x[rows])
        loss = nn.functional.cross_entropy(outputs, labels[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-4:]) < 0.5 * sum(losses[:4])


def test_what_is_refused():
    with pytest.raises(ValueError, match="bits"):
        ActivationQuantizer(0)
    with pytest.raises(ValueError, match="uniform"):
        ActivationQuantizer(2, "none")
