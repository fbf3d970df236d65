"""Compact steps: the weights of the dense ones, with state of active entries alone."""

import copy
import functools
import io
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests import fake_triton
from torch import nn

from partial_backprop import PartialBackprop, UserError
from partial_backprop.freezing import adam_c, adam_cpu, quantile
from partial_backprop.freezing.active import BLOCK, MANY
from partial_backprop.freezing.strict import bits

MOST = functools.partial(quantile.mask, q=0.7)
SGD, ADAM, ADAMW = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
OPTIMIZERS = {
    "sgd": functools.partial(SGD, lr=0.05, weight_decay=0.1),
    "momentum": functools.partial(SGD, lr=0.02, momentum=0.9, weight_decay=0.01),
    "momentum fused": functools.partial(SGD, lr=0.02, momentum=0.9, fused=True),
    "adam": functools.partial(ADAM, lr=0.01, foreach=False),
    "adam foreach": functools.partial(ADAM, lr=0.01, foreach=True),
    "adam decay": functools.partial(ADAM, lr=0.01, weight_decay=0.1, fused=True),
    "adamw": functools.partial(ADAMW, lr=0.01, weight_decay=0.1),
    "adamw fused": functools.partial(ADAMW, lr=0.01, weight_decay=0.1, fused=True),
    "amsgrad": functools.partial(ADAM, lr=0.01, amsgrad=True),
    "amsgrad fused": functools.partial(ADAM, lr=0.01, amsgrad=True, fused=True),
    "adam maximize": functools.partial(ADAM, lr=0.01, maximize=True),
    "rmsprop": functools.partial(torch.optim.RMSprop, lr=0.01, momentum=0.9, centered=True),
    "adagrad": functools.partial(torch.optim.Adagrad, lr=0.01),
    "nadam": functools.partial(torch.optim.NAdam, lr=0.01),
}
N_BATCHES = 4


KERNELS = ["numba", *["c"] * (adam_c.compiled() is not None)]
"""Of a processor: C's where there is a compiler."""


def use(kernel: str, monkeypatch) -> str:
    monkeypatch.setattr(adam_cpu, "kernel", functools.cache(adam_cpu.kernel.__wrapped__))
    if kernel == "triton":
        fake_triton.install(monkeypatch)
    if kernel == "numba":
        monkeypatch.setattr(adam_c, "compiled", lambda: None)
    if kernel == "torch":
        monkeypatch.setattr(adam_cpu, "kernel", lambda: None)
    return kernel


@pytest.fixture(params=[*KERNELS, "torch"])
def kernel(request, monkeypatch):
    """Run a test with each kernel, and as if there were none."""
    return use(request.param, monkeypatch)


@pytest.fixture(params=[*KERNELS, "triton", "torch"])
def every_kernel(request, monkeypatch):
    """Run a test with a GPU's kernel too."""
    return use(request.param, monkeypatch)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * 4 * 4, 40),
        nn.ReLU(),
        nn.Linear(40, 3),
    )
    return model.to(memory_format=torch.channels_last)


def batches(epoch: int):
    draw = torch.Generator().manual_seed(epoch)
    for _ in range(N_BATCHES):
        images = torch.randn(16, 2, 6, 6, generator=draw)
        yield images, torch.randint(0, 3, (16,), generator=draw)


def train(model, optimizer, pb, epochs) -> None:
    for epoch in epochs:
        pb.begin_epoch(epoch)
        for images, labels in batches(epoch):
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()


def run(build, trained, seed: int = 0, **options):
    model = network(seed)
    optimizer = build(model.parameters())
    pb = PartialBackprop(model, optimizer, MOST, **{"start_epoch": 1, **options})
    train(model, optimizer, pb, trained)
    return model, optimizer, pb


def values(model) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def assert_same_bits(one, other) -> None:
    for name, value in values(one).items():
        assert torch.equal(bits(value), bits(values(other)[name])), name


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_compact_steps_are_dense_steps(name, every_kernel):
    """To a few roundings: tails of vectors, and the kernel against torch's unfused forms."""
    dense, _, expected = run(OPTIMIZERS[name], range(3))
    compact, _, pb = run(OPTIMIZERS[name], range(3), compact=True)
    adam = name.startswith(("adam", "amsgrad")) and "maximize" not in name
    assert pb.kernel == (every_kernel if adam else "torch")
    for key, mask in expected.mask.items():
        assert torch.equal(pb.mask[key], mask)
        one, two = values(dense)[key], values(compact)[key]
        assert torch.equal(bits(one)[~mask], bits(two)[~mask])
        torch.testing.assert_close(one, two, rtol=2e-5, atol=2e-6)
    assert pb.report().total("drift_sum_abs") == 0
    assert pb.report().total("n_mask_zeros") == expected.report().total("n_mask_zeros")


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("kind", [ADAM, ADAMW])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("compiler", KERNELS)
def test_the_kernel_is_adam_in_double_precision(
    kind, decay, threads, amsgrad, dtype, compiler, monkeypatch
):
    """Against the formulas of the papers, written anew in numpy and double precision."""
    use(compiler, monkeypatch)
    draw = torch.Generator().manual_seed(0)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        model = nn.Linear(100, 97, bias=False).to(dtype)
        optimizer = kind(model.parameters(), lr=0.003, amsgrad=amsgrad, weight_decay=decay)
        active = torch.rand(97, 100, generator=draw) < 0.3
        pb = PartialBackprop(model, optimizer, lambda _: {"weight": active}, 1, compact=True)
        w = model.weight.detach().double().numpy().copy()
        m, v, top = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
        for t in range(1, 9):
            pb.begin_epoch(0 if t < 3 else 1)
            gradient = torch.randn(97, 100, generator=draw).to(dtype) * 10 ** (t % 5 - 4)
            model.weight.grad = gradient
            optimizer.step()
            assert model.weight.grad is gradient
            on = active.numpy() | (t < 3)
            g = gradient.double().numpy()
            g = g + decay * w if kind is ADAM else g
            w = np.where(on, w * (1 - 0.003 * decay), w) if kind is ADAMW else w
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            top = np.maximum(top, v)
            root = np.sqrt((top if amsgrad else v) / (1 - 0.999**t))
            w = np.where(on, w - 0.003 * m / (1 - 0.9**t) / (root + 1e-8), w)
    finally:
        torch.set_num_threads(before)
    assert pb.kernel == compiler
    rtol = 1e-5 if dtype is torch.float32 else 1e-12
    np.testing.assert_allclose(model.weight.detach().double().numpy(), w, rtol=rtol, atol=rtol / 10)
    state = optimizer.state[model.weight]
    assert state["exp_avg"].shape == (int(active.sum()),)
    np.testing.assert_allclose(state["exp_avg"].numpy(), m[active], rtol=rtol, atol=rtol / 10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "build", [OPTIMIZERS["amsgrad"], OPTIMIZERS["adamw"], OPTIMIZERS["adam decay"]]
)
@pytest.mark.parametrize("share", [0.1, 0.8])  # of frozen weights
def test_kernels_of_all_compilers_make_the_same_bits(build, dtype, share, monkeypatch):
    found = []
    for compiler in KERNELS:
        use(compiler, monkeypatch)
        torch.manual_seed(0)
        model = nn.Linear(300, 200).to(dtype)
        optimizer = build(model.parameters())
        criterion = {"name": "quantile", "q": share}
        pb = PartialBackprop(model, optimizer, criterion, 1, compact=True)
        for epoch in range(5):
            pb.begin_epoch(epoch)
            for parameter in model.parameters():
                parameter.grad = torch.randn_like(parameter) * 10.0 ** (epoch - 3)
            optimizer.step()
        assert pb.kernel == compiler
        found.append([model.weight.detach(), optimizer.state[model.weight]["exp_avg_sq"]])
        monkeypatch.undo()
    for other in found[1:]:
        assert all(torch.equal(bits(a), bits(b)) for a, b in zip(found[0], other, strict=True))


def test_threads_change_no_bit():
    found = []
    before = torch.get_num_threads()
    for threads in (1, 2, 5):
        torch.set_num_threads(1)  # only the steps may differ, no sum of a gradient
        model = nn.Linear(200, 90)
        torch.manual_seed(0)
        optimizer = ADAM(model.parameters(), amsgrad=True)
        nn.init.normal_(model.weight)
        pb = PartialBackprop(model, optimizer, MOST, 0, compact=True)
        pb.begin_epoch(0)
        gradients = [torch.randn(90, 200) for _ in range(4)]
        torch.set_num_threads(threads)
        for gradient in gradients:
            model.weight.grad = gradient
            optimizer.step()
        found.append(model.weight.detach().clone())
    torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize(
    ("name", "compiler"),
    [
        *(("amsgrad fused", one) for one in [*KERNELS, "torch"]),
        *((one, "torch") for one in ("momentum", "adamw", "nadam")),
    ],
)
@pytest.mark.parametrize(
    ("stop", "optimizer_first"), [(1, True), (3, False), (5, True), (5, False), (7, False)]
)
def test_a_resumed_run_is_the_same_run(name, stop, optimizer_first, compiler, monkeypatch):
    """Stopped before the mask, after it, after a new one, and in the full epochs at the end."""
    use(compiler, monkeypatch)
    options = {"compact": True, "remask_every": 2, "full_epochs_at_end": 2, "epochs": 8}
    options["start_epoch"] = 2
    model, optimizer, pb = run(OPTIMIZERS[name], range(stop), **options)
    file = io.BytesIO()
    torch.save([part.state_dict() for part in (model, optimizer, pb)], file)
    train(model, optimizer, pb, range(stop, 8))

    file.seek(0)
    states = torch.load(file, weights_only=True)
    second, other, other_pb = run(OPTIMIZERS[name], range(0), seed=1, **options)
    parts = list(zip((second, other, other_pb), states, strict=True))
    for part, state in parts if optimizer_first else parts[::-1]:
        part.load_state_dict(state)
    train(second, other, other_pb, range(stop, 8))
    assert_same_bits(model, second)
    assert other_pb.report() == pb.report()
    assert pb.report().masked_at_epochs == (2, 4)


def test_a_run_stopped_within_an_epoch_goes_on(every_kernel):
    model, optimizer, pb = run(OPTIMIZERS["amsgrad fused"], range(2), compact=True)
    states = copy.deepcopy([part.state_dict() for part in (model, optimizer, pb)])
    second, other, other_pb = run(OPTIMIZERS["amsgrad fused"], range(0), seed=1, compact=True)
    for part, state in zip((second, other, other_pb), states, strict=True):
        part.load_state_dict(state)
    for images, labels in list(batches(7))[:2]:
        for one, its in ((model, optimizer), (second, other)):
            its.zero_grad()
            F.cross_entropy(one(images), labels).backward()
            its.step()
    assert_same_bits(model, second)


def test_state_is_of_active_entries_alone_and_whole_again_at_the_end(kernel):
    options = {"compact": True, "full_epochs_at_end": 1, "epochs": 4}
    model, optimizer, pb = run(OPTIMIZERS["amsgrad"], range(3), **options)
    n_active = {name: int(active.sum()) for name, active in pb.mask.items()}
    for name, parameter in model.named_parameters():
        state = optimizer.state[parameter]
        for key in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"):
            assert state[key].numel() == n_active[name]
    frozen = {name: values(model)[name][~active] for name, active in pb.mask.items()}
    train(model, optimizer, pb, [3])
    assert all(optimizer.state[p]["exp_avg"].shape == p.shape for p in model.parameters())
    moved = sum(
        int((frozen[name] != values(model)[name][~active]).sum())
        for name, active in pb.mask.items()
    )
    assert moved > 0.5 * sum(len(one) for one in frozen.values())
    assert pb.report().total("drift_sum_abs") > 0


def test_bytes_of_positions_are_told():
    """Two for an active entry, four for each block and one more, and a bit where many are active."""
    _, _, pb = run(OPTIMIZERS["amsgrad"], range(1), compact=True)
    assert pb.position_bytes == 0
    _, _, pb = run(OPTIMIZERS["amsgrad"], range(2), compact=True)
    masks = [active for active in pb.mask.values() if not active.all()]
    n_blocks = sum(math.ceil(one.numel() / BLOCK) for one in masks)
    n_active = sum(int(one.sum()) for one in masks)
    many = [one for one in masks if int(one.sum()) > MANY * one.numel()]
    n_bits = sum(BLOCK * math.ceil(one.numel() / BLOCK) for one in many)
    assert pb.position_bytes == 2 * n_active + 4 * (n_blocks + len(masks)) + n_bits // 8
    _, _, pb = run(OPTIMIZERS["amsgrad"], range(2))
    assert pb.position_bytes == 0


def test_what_becomes_active_begins_at_zero_and_what_stays_goes_on():
    model = nn.Linear(6, 1, bias=False)
    optimizer = ADAM(model.parameters(), lr=0.01)
    masks = iter([[1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 1]])
    pb = PartialBackprop(
        model, optimizer, lambda _: {"weight": torch.tensor([next(masks)])}, 0,
        remask_every=1, compact=True,
    )  # fmt: skip
    for epoch in range(2):
        pb.begin_epoch(epoch)
        for _ in range(3):
            model.weight.grad = torch.ones(1, 6)
            optimizer.step()
    moments = optimizer.state[model.weight]["exp_avg"]
    assert moments.tolist() == pytest.approx([1 - 0.9**6, 1 - 0.9**3, 1 - 0.9**3, 1 - 0.9**6])


def test_a_parameter_frozen_whole_and_one_active_whole(every_kernel):
    model = network()
    optimizer = OPTIMIZERS["amsgrad"](model.parameters())

    def first_frozen(gradients):
        return {
            n: torch.full_like(g, n != "0.weight", dtype=torch.bool) for n, g in gradients.items()
        }

    pb = PartialBackprop(model, optimizer, first_frozen, start_epoch=1, compact=True)
    train(model, optimizer, pb, range(1))
    before = values(model)
    train(model, optimizer, pb, range(1, 3))
    after = values(model)
    assert torch.equal(before["0.weight"], after["0.weight"])
    assert not torch.equal(before["4.weight"], after["4.weight"])
    assert optimizer.state[model[0].weight]["exp_avg"].numel() == 0
    assert optimizer.state[model[4].weight]["exp_avg"].shape == (40, 64)
    assert pb.report().total("n_mask_zeros") == model[0].weight.numel()


def test_schedulers_groups_accumulation_and_clipping(every_kernel):
    found = []
    for compact in (False, True):
        model = network()
        groups = [
            {"params": [*model[0].parameters(), *model[1].parameters()], "lr": 0.02},
            {"params": [*model[4].parameters(), *model[6].parameters()], "betas": (0.8, 0.99)},
        ]
        optimizer = ADAM(groups, lr=0.01, amsgrad=True, fused=True)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        pb = PartialBackprop(model, optimizer, MOST, start_epoch=1, compact=compact)
        for epoch in range(3):
            pb.begin_epoch(epoch)
            optimizer.zero_grad()
            for images, labels in batches(epoch):
                F.cross_entropy(model(images), labels).backward()
            pb.after_backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
            scheduler.step()
        for name, p in model.named_parameters():
            assert torch.all(p.grad[~pb.mask[name]] == 0)
        found.append(values(model))
    for name in found[0]:
        torch.testing.assert_close(found[0][name], found[1][name], rtol=2e-5, atol=2e-6)


def test_a_step_that_failed_leaves_the_optimizer_usable():
    model, optimizer, pb = run(OPTIMIZERS["momentum"], range(2), compact=True)
    F.cross_entropy(model(next(batches(0))[0]), next(batches(0))[1]).backward()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    pb._before_step(optimizer, (), {})  # and torch's own step raised
    train(model, optimizer, pb, range(2, 3))
    assert [p for group in optimizer.param_groups for p in group["params"]] == parameters
    assert pb.report().total("drift_sum_abs") == 0


def test_frozen_values_changed_from_outside_are_told():
    model, _, pb = run(OPTIMIZERS["amsgrad"], range(2), compact=True)
    with torch.no_grad():
        model[4].weight += 1
    with (
        pytest.warns(UserWarning, match="4.weight"),
        pytest.raises(UserError, match=r"'4\.weight'.*changed"),
    ):
        pb.report()


def test_what_does_not_fit_is_refused():
    model = network()
    adam = ADAM(model.parameters())
    with pytest.raises(UserError, match="mode='strict'"):
        PartialBackprop(model, adam, MOST, mode="gradient", compact=True)
    with pytest.raises(UserError, match=r"compact=True.*Adafactor"):
        PartialBackprop(model, torch.optim.Adafactor(model.parameters()), MOST, compact=True)
    _, _, pb = run(OPTIMIZERS["amsgrad"], range(2), compact=True)
    state = pb.state_dict()
    dense = PartialBackprop(model, adam, MOST, start_epoch=1)
    with pytest.raises(UserError, match="construct"):
        dense.load_state_dict(state)
    dense.close()
    plain = model.to(memory_format=torch.contiguous_format)
    with pytest.raises(UserError, match="memory"):
        PartialBackprop(plain, adam, MOST, 1, compact=True).load_state_dict(state)


def test_a_dense_state_is_taken_over(kernel):
    build = OPTIMIZERS["amsgrad fused"]
    model, optimizer, pb = run(build, range(2))
    second, other, other_pb = run(build, range(0), seed=1, compact=True)
    for part, state in zip((second, other, other_pb), (model, optimizer, pb), strict=True):
        part.load_state_dict(copy.deepcopy(state.state_dict()))
    train(model, optimizer, pb, [2])
    train(second, other, other_pb, [2])
    for name, value in values(model).items():
        torch.testing.assert_close(value, values(second)[name], rtol=2e-5, atol=2e-6)
    assert other_pb.report().total("n_unmoved") == pb.report().total("n_unmoved")


def test_closed_it_gives_back_a_whole_state(every_kernel):
    model, optimizer, pb = run(OPTIMIZERS["amsgrad fused"], range(2), compact=True)
    pb.close()
    train(model, optimizer, pb, [2])
    assert all(optimizer.state[p]["exp_avg"].shape == p.shape for p in model.parameters())
    assert pb.report().total("drift_sum_abs") > 0
