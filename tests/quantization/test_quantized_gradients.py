"""Gradients in few bits: without bias, or with their errors added later; and between two processes."""

import copy

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from partial_backprop.quantization.gradients import GradientQuantizer, all_reduce_quantized
from partial_backprop.quantization.packed_values import n_bytes
from partial_backprop.quantization.weibull import LEVELS


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32), nn.Linear(32, 10))


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(16, 32, generator=generator), torch.arange(16) % 10


def backward(model, seed=0):
    model.zero_grad()
    images, labels = batch(seed)
    nn.functional.cross_entropy(model(images), labels).backward()


def quantizer_of(model, bits=2, levels="weibull", **options):
    return GradientQuantizer(dict(model.named_parameters()), bits, levels, **options)


def gradients(model):
    return torch.cat([one.grad.flatten() for one in model.parameters()])


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_bytes_and_values(levels, bits):
    model = network()
    backward(model)
    before = {name: one.grad.clone() for name, one in model.named_parameters()}
    quantizer = quantizer_of(model, bits, levels)
    quantizer.after_backward()
    large = {"0.weight", "2.weight"}
    for name, one in model.named_parameters():
        if name not in large:
            assert torch.equal(one.grad, before[name])
            continue
        assert not torch.equal(one.grad, before[name])
        assert len(one.grad.abs().unique()) <= 2**bits + 1  # and the smallest number above 0
        assert one.grad.abs().max() == before[name].abs().max()
    sizes = {name: one.numel() for name, one in model.named_parameters()}
    assert quantizer.n_bytes_before == 4 * sum(sizes.values())
    small = 4 * sum(n for name, n in sizes.items() if name not in large)
    assert quantizer.n_bytes == small + sum(
        n_bytes(sizes[name], bits, torch.float32) for name in large
    )


def test_the_same_seed_gives_the_same():
    found = []
    for seed in (3, 3, 4):
        model = network()
        backward(model)
        quantizer_of(model, seed=seed).after_backward()
        found.append(gradients(model))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize("levels", LEVELS)
def test_without_bias(levels):
    model = network()
    backward(model)
    exact = gradients(model).double()
    quantizer = quantizer_of(model, 2, levels)
    runs = []
    for _ in range(200):
        backward(model)
        quantizer.after_backward()
        runs.append(gradients(model).double())
    noise = torch.stack(runs).std(0).norm() / 200**0.5
    error = (torch.stack(runs).mean(0) - exact).norm()
    assert 0.9 * noise < error < 1.1 * noise


@pytest.mark.parametrize("levels", LEVELS)
def test_error_feedback_sends_everything_in_the_end(levels):
    """The sum of what is sent is that of the gradients but for the last residual, which stays bounded."""
    model = network()
    backward(model)
    exact = gradients(model)
    quantizer = quantizer_of(model, 2, levels, error_feedback=True)
    total = torch.zeros_like(exact)
    errors = []
    for step in range(1, 101):
        backward(model)
        quantizer.after_backward()
        total += gradients(model)
        errors.append(float((total / step - exact).norm() / exact.norm()))
    assert errors[-1] < 0.1 * errors[0]
    residuals = quantizer.state_dict()["residuals"]
    assert set(residuals) == {"0.weight", "2.weight"}
    large = torch.cat([total[:2048], total[2112:4160]])
    sent = torch.cat([100 * exact[:2048], 100 * exact[2112:4160]])
    assert torch.allclose(large + torch.cat(list(residuals.values())), sent, atol=1e-4)


def test_a_resumed_run_is_the_same():
    kept = None
    whole, half = network(), network()
    one = quantizer_of(whole, error_feedback=True)
    other = quantizer_of(half, error_feedback=True)
    for step in range(4):
        for model, quantizer in ((whole, one), (half, other)):
            if step == 2 and model is half:
                quantizer = other = quantizer_of(half, error_feedback=True)
                other.load_state_dict(copy.deepcopy(kept))
            quantizer.begin_epoch(step)
            backward(model, step)
            quantizer.after_backward()
        kept = other.state_dict()
        assert torch.equal(gradients(whole), gradients(half))
    assert one.n_bytes == other.n_bytes
    with pytest.raises(ValueError, match="other parameters"):
        quantizer_of(nn.Linear(2, 2), error_feedback=True).load_state_dict(kept)


def test_a_gradient_that_is_not_finite_is_seen():
    model = network()
    backward(model)
    model[0].weight.grad[0, 0] = torch.inf
    quantizer_of(model).after_backward()
    assert model[0].weight.grad.isnan().all()


def exchange(rank, folder):
    """In each of two processes: average gradients, without and with error feedback, and keep them."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    for feedback in (False, True):
        model = DistributedDataParallel(network())
        quantizer = quantizer_of(model.module, 3, error_feedback=feedback, seed=rank)
        model.register_comm_hook(quantizer, all_reduce_quantized)
        averages = []
        for step in range(3):  # buckets are rebuilt after the first
            backward(model, seed=10 * step + rank)
            averages.append(gradients(model))
        found = (averages, quantizer.n_bytes, quantizer.n_bytes_before)
        torch.save(found, f"{folder}/{rank}_{feedback}.pt")
    dist.destroy_process_group()


def test_two_processes(tmp_path):
    torch.multiprocessing.spawn(exchange, (str(tmp_path),), nprocs=2)
    for feedback in (False, True):
        first, second = (
            torch.load(tmp_path / f"{rank}_{feedback}.pt", weights_only=True) for rank in (0, 1)
        )
        assert all(map(torch.equal, first[0], second[0]))
        assert first[1:] == second[1:]
        check_averages(*first, feedback)


def check_averages(averages, n_bytes_sent, n_bytes_before, feedback):
    """The same in one process: each rank's gradient by its own quantizer, then the mean."""
    models = [network(), network()]
    quantizers = [
        quantizer_of(model, 3, error_feedback=feedback, seed=rank)
        for rank, model in enumerate(models)
    ]
    for step, averaged in enumerate(averages):
        sent, exact = [], []
        for rank, (model, quantizer) in enumerate(zip(models, quantizers, strict=True)):
            backward(model, seed=10 * step + rank)
            exact.append(gradients(model))
            quantizer.after_backward()
            sent.append(gradients(model))
        assert 0 < (averaged - sum(exact) / 2).norm() < 0.5 * sum(exact).norm()
        small = torch.ones(len(averaged), dtype=torch.bool)
        small[:2048] = small[2112:4160] = False
        assert torch.allclose(averaged[small], sum(exact)[small] / 2)
        if feedback:  # nearest rounding draws nothing, so that the buckets' order does not matter
            assert torch.allclose(averaged, sum(sent) / 2, atol=1e-7)
    assert n_bytes_sent == quantizers[0].n_bytes
    assert n_bytes_before == 3 * 4 * len(averages[0])
    assert n_bytes_sent < 0.3 * n_bytes_before


def test_what_is_refused():
    with pytest.raises(ValueError, match="bits"):
        quantizer_of(network(), 9)
    with pytest.raises(ValueError, match="weibull"):
        quantizer_of(network(), 2, "none")
