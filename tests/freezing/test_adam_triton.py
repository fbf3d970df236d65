"""The GPU's kernel for compact steps: the processor's rounding by rounding, and torch's to a rounding.

Its own code runs, on `tests.fake_triton`; where there is a GPU, Triton compiles it too.
"""

import copy

import pytest
import torch
from tests import fake_triton

from partial_backprop.freezing import active_adam, adam_cpu, adam_triton, adam_triton_kernel
from partial_backprop.freezing.active import BLOCK, ActiveEntries, flat
from partial_backprop.freezing.active_adam import Job
from partial_backprop.freezing.strict import bits

SHAPES = [(1,), (7,), (BLOCK,), (BLOCK + 1,), (3 * BLOCK - 5,), (8, 5, 3, 3), (4, 3, 1, 1)]
"""Odd sizes, whole blocks, and filters, which lie with channels last."""
SHARES = [0.002, 0.2, 1.0]
"""Active shares: of few entries, of the share that goals are set for, and of all."""
N_STEPS = 3
DEVICES = ["cpu", *["cuda"] * torch.cuda.is_available()]


@pytest.fixture(params=DEVICES)
def device(request, monkeypatch):
    if request.param == "cpu":
        fake_triton.install(monkeypatch)
    return request.param


def options(**more):
    usual = {"lr": 0.003, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
    return usual | {"decoupled_weight_decay": False, "amsgrad": False} | more


def within(values: torch.Tensor) -> torch.Tensor:
    """Values in the middle of memory that holds NaN around them."""
    room = torch.full((values.numel() + 64,), torch.nan, dtype=values.dtype, device=values.device)
    found = room.as_strided(values.shape, values.stride(), 32)
    return found.copy_(values)


def jobs(dtype, share, group):
    """Parameters in their third step or later, one of them with an empty block."""
    draw = torch.Generator().manual_seed(0)
    found = []
    for number, shape in enumerate(SHAPES):
        values = torch.randn(shape, generator=draw, dtype=torch.float64).to(dtype)
        if len(shape) == 4:
            values = values.to(memory_format=torch.channels_last)
        active = torch.rand(shape, generator=draw) < share
        if shape == (3 * BLOCK - 5,):
            active[BLOCK : 2 * BLOCK] = False
        active.view(-1)[0] = True
        values = within(values)
        entries = ActiveEntries(values, active)
        keys = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
        moments = torch.rand(3, entries.n_active, generator=draw, dtype=torch.float64).to(dtype)
        state = {key: within(one / 100) for key, one in zip(keys, moments, strict=True)}
        state = {"step": torch.tensor(2.0 + number), **state}
        found.append(Job(values, values.new_empty(0), entries, state, group))
    return found


def to(device, found):
    """The same jobs on a device, in memory of their own."""
    moved = []
    for job in copy.deepcopy(found):
        values = torch.empty_like(job.parameter, device=device).copy_(job.parameter)
        entries = ActiveEntries(values, job.entries.mask())
        state = {key: one.to(device) for key, one in job.state.items()}
        moved.append(Job(values, job.gradient, entries, state, job.group))
    return moved


def gradients(found, seed: int):
    """Of the active entries."""
    draw = torch.Generator().manual_seed(seed)
    for job in found:
        shape, dtype = job.parameter.shape, job.parameter.dtype
        gradient = torch.randn(shape, generator=draw, dtype=torch.float64).to(dtype)
        yield within(job.entries.gather((gradient * 10 ** (seed % 5 - 3)).to(job.parameter.device)))


def with_gradients(found, seed: int):
    pairs = zip(found, gradients(found, seed), strict=True)
    return [job._replace(gradient=gradient) for job, gradient in pairs]


def steps(step, found) -> None:
    for seed in range(N_STEPS):
        step(with_gradients(found, seed))


def tensors(found):
    for job in found:
        yield from (job.parameter, *job.state.values())


KINDS = [(0.0, False), (0.1, False), (0.1, True)]
"""Weight decay, and whether it is decoupled."""


@pytest.mark.parametrize(("decay", "decoupled"), KINDS)
@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_rounds_as_the_processors_kernel_does(device, dtype, amsgrad, decay, decoupled):
    group = options(weight_decay=decay, decoupled_weight_decay=decoupled, amsgrad=amsgrad)
    for share in SHARES:
        ours, theirs = jobs(dtype, share, group), jobs(dtype, share, group)
        ours = to(device, ours) if device != "cpu" else ours
        steps(adam_triton.step, ours)
        steps(adam_cpu.step, theirs)
        for one, other in zip(tensors(ours), tensors(theirs), strict=True):
            if dtype is torch.float32:
                assert torch.equal(bits(one.cpu()), bits(other))
            else:  # two libraries' powers, in the bias corrections, differ in a last bit
                torch.testing.assert_close(one.cpu(), other, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("decay", "decoupled"), KINDS)
@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("form", ["fused", "foreach", "single tensor"])
def test_it_is_torchs_adam_on_the_active_entries(device, form, amsgrad, decay, decoupled):
    group = options(weight_decay=decay, decoupled_weight_decay=decoupled, amsgrad=amsgrad)
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    for share in SHARES:
        ours = to(device, jobs(torch.float32, share, group))
        before = [job.parameter.clone() for job in ours]
        alone = [flat(job.entries.gather(job.parameter)).clone() for job in ours]
        optimizer = kind(
            alone, lr=group["lr"], weight_decay=decay, amsgrad=amsgrad,
            fused=form == "fused", foreach=form == "foreach",
        )  # fmt: skip
        for vector, job in zip(alone, ours, strict=True):
            optimizer.state[vector] = {key: one.clone() for key, one in job.state.items()}
        for seed in range(N_STEPS):
            for vector, job in zip(alone, with_gradients(ours, seed), strict=True):
                vector.grad = job.gradient.clone()
            adam_triton.step(with_gradients(ours, seed))
            optimizer.step()
        for job, vector, was in zip(ours, alone, before, strict=True):
            frozen = ~job.entries.mask()
            assert torch.equal(bits(job.parameter)[frozen], bits(was)[frozen])
            found = job.entries.gather(job.parameter)
            torch.testing.assert_close(found, vector, rtol=1e-6, atol=1e-7)
            for key, one in optimizer.state[vector].items():
                torch.testing.assert_close(job.state[key], one, rtol=2e-6, atol=1e-9)


def test_nothing_around_the_arrays_is_touched(device):
    found = jobs(torch.float32, 0.2, options(amsgrad=True))
    found = found if device == "cpu" else to(device, found)
    steps(adam_triton.step, found)
    assert all(torch.isfinite(one).all() for one in tensors(found))
    if device == "cpu":
        rooms = [one for job in found for one in (job.parameter, *list(job.state.values())[1:])]
        for one in rooms:
            room = one.as_strided((one.numel() + 64,), (1,), 0)
            assert torch.isnan(room[:32]).all()
            assert torch.isnan(room[-32:]).all()


def test_rates_and_counts_may_be_tensors(device):
    """As for a CUDA graph, which would keep plain numbers as they were."""
    plain = to(device, jobs(torch.float32, 0.2, options(weight_decay=0.1)))
    rate = torch.tensor(0.003, dtype=torch.float64, device=device)
    other = to(device, jobs(torch.float32, 0.2, options(weight_decay=0.1, lr=rate)))
    steps(adam_triton.step, plain)
    steps(adam_triton.step, other)
    for one, two in zip(tensors(plain), tensors(other), strict=True):
        assert torch.equal(one, two)


def test_groups_and_types_start_apart_and_parameters_of_one_together(device, monkeypatch):
    starts = []
    start = adam_triton._start
    monkeypatch.setattr(adam_triton, "_start", lambda some: (starts.append(len(some)), start(some)))
    found = [*jobs(torch.float32, 0.2, options()), *jobs(torch.float64, 0.2, options(lr=0.1))]
    found = found if device == "cpu" else to(device, found)
    steps(adam_triton.step, found)
    assert starts == [len(SHAPES), len(SHAPES)] * N_STEPS


def test_addresses_written_one_by_one_are_those_copied(device):
    rows = ROWS
    written = adam_triton.written(rows, torch.device(device))
    assert torch.equal(written, adam_triton.table(rows, torch.device(device)))
    assert written.tolist() == [list(row) for row in rows]


ROWS = tuple(tuple(range(2**47 + 3 * row, 2**47 + 3 * row + 3)) for row in range(8))


def trained(**options):
    values = torch.nn.Parameter(torch.ones(5))
    optimizer = torch.optim.Adam([values], **options)
    values.grad = torch.ones(5)
    optimizer.step()
    return values, optimizer


def test_without_triton_torch_steps(monkeypatch):
    fake_triton.install(monkeypatch)
    values, optimizer = trained()
    group = optimizer.param_groups[0]
    assert active_adam.kernel(optimizer, group, {values: values.grad}) == "triton"
    fake_triton.install(monkeypatch)  # nothing is known any more
    monkeypatch.setattr(adam_triton_kernel, "triton", None)
    assert active_adam.kernel(optimizer, group, {values: values.grad}) is None


def no_compiler(_) -> None:
    raise RuntimeError("Failed to find C compiler")


@pytest.mark.parametrize(
    ("start", "cause"), [(no_compiler, "Failed to find C"), (lambda _: None, "it made 0.0 of 0.0")]
)
def test_where_triton_does_not_work_torch_steps_with_a_warning(monkeypatch, start, cause):
    fake_triton.install(monkeypatch)
    values, optimizer = trained()
    monkeypatch.setattr(adam_triton, "_start", start)
    with pytest.warns(UserWarning, match=f"torch steps, since Triton's kernel does not: {cause}"):
        assert (
            active_adam.kernel(optimizer, optimizer.param_groups[0], {values: values.grad}) is None
        )


@pytest.mark.parametrize(
    "unusual",
    [{"maximize": True}, {"differentiable": True}, {"betas": tuple(torch.tensor([0.9, 0.99]))}],
)
def test_unusual_options_are_torchs(monkeypatch, unusual):
    fake_triton.install(monkeypatch)
    values, optimizer = trained()
    assert (
        active_adam.kernel(optimizer, optimizer.param_groups[0] | unusual, {values: values.grad})
        is None
    )


def test_gradients_that_the_step_shall_divide_are_torchs(monkeypatch):
    values, optimizer = trained(fused=True)
    group = optimizer.param_groups[0]
    assert active_adam.kernel(optimizer, group, {values: values.grad}) == "cpu"
    optimizer.grad_scale = torch.tensor(4.0)
    assert active_adam.kernel(optimizer, group, {values: values.grad}) is None
