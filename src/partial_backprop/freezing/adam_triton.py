"""Adam and AMSGrad on active entries of a GPU's memory, by Triton's kernel. P: parameters of a step."""

import functools
import itertools
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from partial_backprop.freezing import adam_triton_kernel as kernel
from partial_backprop.freezing.active import BLOCK, ActiveEntries, flat
from partial_backprop.freezing.active_adam import COUPLED, DECOUPLED, Job, decay


def label() -> str:
    """Name what makes the steps."""
    return "triton"


@functools.cache
def works(device: torch.device) -> bool:
    """Tell whether the kernel steps on a device, by a small step, and rounds as it should."""
    if kernel.compiled() is None:
        return False
    values = torch.zeros(3, device=device)
    entries = ActiveEntries(values, values == 0)
    state = {key: torch.zeros_like(values) for key in ("exp_avg", "exp_avg_sq")}
    group = {"lr": 1.0, "betas": (0.5, 0.5), "eps": 0.0, "weight_decay": 0.0, "amsgrad": False}
    try:
        step(
            [
                Job(
                    values,
                    torch.ones_like(values),
                    entries,
                    {"step": torch.zeros(()), **state},
                    group,
                )
            ]
        )
        if values.tolist() != [-1.0, -1.0, -1.0]:
            raise ArithmeticError(f"it made {values[0]} of 0.0 where -1.0 is right")
    except Exception as error:  # whatever a compiler, a driver or an assembler may raise
        warnings.warn(f"torch steps, since Triton's kernel does not: {error}", stacklevel=2)
        return False
    return True


@torch.no_grad()
def step(jobs: Sequence[Job]) -> None:
    """Take one step."""
    # Nothing is waited for, and with steps on the device (``fused`` or ``capturable``) nothing is copied to
    # it, once the addresses are there: a CUDA graph may capture it.
    #
    # *Departures.* In single precision the arithmetic is that of `adam_kernel`, rounding by rounding, and
    # so that of torch's fused kernel on a processor; in double precision the bias corrections may differ in
    # a last bit. Torch's fused kernel on a GPU rounds otherwise, and not in all versions alike: moments in
    # double precision up to some version, in single later. The kernel has run in Triton's interpreter and
    # was compiled for GPUs; it has not run on one.
    #
    # Source: Those of `adam_cpu.step`.
    for _, some in itertools.groupby(
        jobs, key=lambda job: (id(job.group), job.parameter.device, job.parameter.dtype)
    ):
        _start(list(some))


def _start(jobs: Sequence[Job]) -> None:
    """Step parameters of one group, device and type."""
    parameter, group = jobs[0].parameter, jobs[0].group
    steps = [job.state["step"] for job in jobs]
    torch._foreach_add_(steps, 1)
    top = "max_exp_avg_sq" if group["amsgrad"] else "exp_avg_sq"
    n_blocks = [len(job.entries.starts) - 1 for job in jobs]
    tensors = [
        (flat(p), g, one.places, one.starts, state["exp_avg"], state["exp_avg_sq"], state[top])
        for p, g, one, state, _ in jobs
    ]
    addresses = [[tensor.data_ptr() for tensor in column] for column in zip(*tensors, strict=True)]
    rows = ((0, *itertools.accumulate(n_blocks[:-1])), *map(tuple, addresses))
    beta1, beta2 = map(float, group["betas"])
    kind = decay(group)
    with torch.cuda.device_of(parameter):
        kernel.compiled()[(sum(n_blocks),)](
            table(rows, parameter.device),
            _numbers(group, steps, kind).to(parameter.device, parameter.dtype, non_blocking=True),
            n_jobs=len(jobs),
            one_minus_beta1=1 - beta1,
            beta2=beta2,
            one_minus_beta2=1 - beta2,
            eps=float(group["eps"]),
            coupled=kind == COUPLED,
            decoupled=kind == DECOUPLED,
            amsgrad=bool(group["amsgrad"]),
            dtype=getattr(kernel.tl, str(parameter.dtype).removeprefix("torch.")),
            columns=1 << (len(jobs) - 1).bit_length(),
            size=BLOCK,
            lanes=kernel.LANES,
            enable_fp_fusion=False,  # what is fused, is so by name
        )


def _numbers(group: Mapping[str, Any], steps: Sequence[Tensor], kind: int) -> Tensor:
    """Compute −step size, √(1 − β₂ᵗ) and factor of decay, of shape (3, P), in double precision."""
    t = torch.stack(list(steps)).double()
    (beta1, beta2), rate, by = map(float, group["betas"]), group["lr"], group["weight_decay"]
    factor = torch.zeros_like(t) + (1 - rate * by if kind == DECOUPLED else by)
    return torch.stack([-rate / (1 - beta1**t), (1 - beta2**t).sqrt(), factor])


def table(rows: tuple[tuple[int, ...], ...], device: torch.device) -> Tensor:
    """Put first blocks and addresses on a device: int64 of shape (8, P), for P parameters."""
    # Rows: the first block of each parameter among those of all, and the addresses of its values, gradients,
    # places, starts and moments. They are copied when they have changed. While a CUDA graph is captured, they
    # are arguments of kernels instead: what a graph copies it would copy again from memory of the processor
    # that may hold something else by then.
    if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        return written(rows, device)
    return _copied(rows, device)


def written(rows: tuple[tuple[int, ...], ...], device: torch.device) -> Tensor:
    """Put first blocks and addresses on a device without a copy."""
    found = torch.zeros(len(rows), len(rows[0]), dtype=torch.int64, device=device)
    torch._foreach_add_(list(found.view(-1).unbind()), list(itertools.chain(*rows)))
    return found


@functools.lru_cache(maxsize=64)
def _copied(rows: tuple[tuple[int, ...], ...], device: torch.device) -> Tensor:
    return torch.tensor(rows, dtype=torch.int64).to(device)
