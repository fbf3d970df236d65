"""Adam and AMSGrad on active entries of a processor's memory, by as many threads as torch uses."""

import functools
import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from partial_backprop.freezing import adam_c
from partial_backprop.freezing.active import BLOCK, ActiveEntries, flat
from partial_backprop.freezing.active_adam import DECOUPLED, Job, decay

_TYPES = {torch.float32: np.float32, torch.float64: np.float64}
_BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Bytes of a number -> integers as wide, as which it is copied: three kernels do for all types."""


@functools.cache
def kernel() -> tuple[str, Callable[..., None], Callable[..., None]] | None:
    """Find what can step: a kernel in C, or else numba's."""
    if found := adam_c.compiled():
        return "c", *found
    try:
        from partial_backprop.freezing.adam_kernel import compiled
    except ImportError:
        return None
    return "numba", *compiled()


def label() -> str:
    """Name what makes the steps."""
    return kernel()[0]


def works(device: torch.device) -> bool:
    """Tell whether the kernel is there."""
    return kernel() is not None


def step(jobs: Sequence[Job]) -> None:
    """Take one step."""
    # As many threads as torch uses, each with the same number of blocks; entries do not depend on one
    # another, and results not on the number of threads.
    #
    # *Departures.* Bit for bit what torch's fused kernel makes of the same entries, where that works on
    # whole vectors (16 numbers of single precision with AVX-512): at a parameter's last few entries, and on
    # another processor, the second moment may differ in its last bit. Torch's other forms round otherwise
    # than the fused one, the kernel as the fused one.
    #
    # Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1; Reddi et
    # al., "On the convergence of Adam and beyond", ICLR 2018, algorithm 2.
    n_threads = torch.get_num_threads()
    calls = [_arguments(job) for job in jobs]
    parts = _shares([len(call[2]) - 1 for call in calls], n_threads)
    if n_threads == 1:
        _run(calls, parts[0])
    else:
        threads = _pool(n_threads, os.getpid(), _flushes_denormals())
        list(threads.map(functools.partial(_run, calls), parts))


def gather(values: Tensor, entries: ActiveEntries, found: Tensor) -> bool:
    """Copy the active entries out of a tensor."""
    kind = _BITS.get(values.element_size())
    if kernel() is None or kind is None:
        return False
    if (found.shape, found.dtype) != ((entries.n_active,), values.dtype):
        raise ValueError("active entries are written into as many of the same type")
    _, _, copy = kernel()
    copy(
        BLOCK,
        flat(entries.aligned(values)).view(kind).numpy(),
        entries.places.numpy().view(np.uint16),
        entries.starts.numpy(),
        found.view(kind).numpy(),
    )
    return True


def _arguments(job: Job) -> tuple[Any, ...]:
    parameter, gradient, entries, state, group = job
    state["step"] += 1
    moments = [state["exp_avg"], state["exp_avg_sq"]]
    moments.append(state["max_exp_avg_sq"] if group["amsgrad"] else moments[1])
    betas = (float(beta) for beta in group["betas"])
    numbers = _numbers(
        _TYPES[parameter.dtype],
        float(state["step"]),
        float(group["lr"]),
        *betas,
        group["eps"],
        decay(group),
        group["weight_decay"],
    )
    return (
        flat(parameter).numpy(),
        entries.places.numpy().view(np.uint16),  # a sign would be looked at, one by one
        entries.starts.numpy(),
        entries.bits.numpy(),
        gradient.numpy(),
        *(moment.numpy() for moment in moments),
        bool(group["amsgrad"]),
        *numbers,
    )


@functools.lru_cache(maxsize=16)
def _numbers(
    number: type,
    t: float,
    rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    decay: int,
    weight_decay: float,
) -> tuple[Any, ...]:
    """Compute the kernel's numbers in double precision: the same for most parameters of a step."""
    return (
        number(1 - beta1),
        number(beta2),
        number(1 - beta2),
        number(-rate / (1 - beta1**t)),
        number((1 - beta2**t) ** 0.5),
        number(eps),
        decay,
        number(1 - rate * weight_decay if decay == DECOUPLED else weight_decay),
    )


def _shares(n_blocks: Sequence[int], n_threads: int) -> list[list[tuple[int, int, int]]]:
    """Share blocks out: for each thread, calls with their first block and the one after the last."""
    ends = np.cumsum([0, *n_blocks])
    cuts = [int(ends[-1]) * i // n_threads for i in range(n_threads + 1)]
    return [
        [
            (call, max(low - first, 0), min(high - first, last - first))
            for call, (first, last) in enumerate(itertools.pairwise(ends))
            if first < high and low < last
        ]
        for low, high in itertools.pairwise(cuts)
    ]


def _run(calls: Sequence[tuple[Any, ...]], part: Sequence[tuple[int, int, int]]) -> None:
    _, adam, _ = kernel()
    for call, first, last in part:
        values, places, starts, bits, *rest = calls[call]
        start = first * BLOCK
        adam(BLOCK, values[start:], places, starts[first : last + 1], bits[start // 8 :], *rest)


def _flushes_denormals() -> bool:
    return bool(torch.tensor(1e-40) * 1.0 == 0)


@functools.cache
def _pool(n_threads: int, process: int, flushing: bool) -> ThreadPoolExecutor:
    # One for each process, since threads do not survive a fork; and one for each way with denormal
    # numbers, which a thread inherits from the one that starts it.
    return ThreadPoolExecutor(n_threads, thread_name_prefix="active_adam")
